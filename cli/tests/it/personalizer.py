"""Ranks, rewards and activates with the client that Microsoft published, and by hand where it has no words."""

import json
import sys
import urllib.error
import urllib.request

from azure.cognitiveservices.personalizer import PersonalizerClient
from azure.cognitiveservices.personalizer.models import (
    ErrorResponseException,
    RankableAction,
    RankRequest,
)
from msrest.authentication import CognitiveServicesCredentials
from msrest.exceptions import HttpOperationError

endpoint, key = sys.argv[1:3]
client = PersonalizerClient(endpoint, CognitiveServicesCredentials(key))

actions = [
    RankableAction(id="pasta", features=[{"taste": "salty", "spice": "medium"}, {"calories": 520}]),
    RankableAction(id="Ice cream", features=[{"taste": "sweet", "cold": True}]),
    RankableAction(id="juice", features=[{"taste": "sweet", "tags": ["drink", "fresh"]}]),
]


def request(event, **more):
    return RankRequest(
        actions=actions,
        context_features=[{"timeOfDay": "morning"}, {"device": {"mobile": True, "screens": 2}}],
        event_id=event,
        **more,
    )


# Ranked, rewarded, and asked again the same.
answer = client.rank(request("e1"))
assert answer.event_id == "e1", answer
assert {one.id for one in answer.ranking} == {"pasta", "Ice cream", "juice"}
assert abs(sum(one.probability for one in answer.ranking) - 1) < 1e-4
assert answer.ranking[0].id == answer.reward_action_id
client.events.reward("e1", 1.0)
client.events.reward("e1", 0.0)
again = client.rank(request("e1"))
assert again.reward_action_id == answer.reward_action_id

# Excluded actions, an event that gets its id here.
answer = client.rank(request(None, excluded_actions=["juice"]))
assert len(answer.event_id) == 32
assert [one.probability for one in answer.ranking if one.id == "juice"] == [0.0]
client.events.reward(answer.event_id, -0.5)

# Deferred and activated.
client.rank(request("e2", defer_activation=True))
client.events.activate("e2")
client.events.reward("e2", 0.7)

# Errors in the form that the client reads.
try:
    client.rank(RankRequest(actions=[], context_features=[], event_id="e3"))
    raise AssertionError("no action at all was ranked")
except ErrorResponseException as error:
    assert error.error.error.code == "BadRequest", error.error
try:
    client.rank(RankRequest(actions=actions, context_features=[{"user": {"religion": "x"}}]))
    raise AssertionError("a religion was taken")
except ErrorResponseException as error:
    assert error.error.error.inner_error.code == "sensitive_inference", error.error
try:
    client.events.reward("never", 1.0)
    raise AssertionError("an event that never was got a reward")
except HttpOperationError as error:
    assert error.response.status_code == 404
try:
    PersonalizerClient(endpoint, CognitiveServicesCredentials("wrong")).rank(request("e4"))
    raise AssertionError("a wrong key was let in")
except ErrorResponseException as error:
    assert error.response.status_code == 401 and error.error.error.message, error


def call(method, path, body=None, expected=200):
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(endpoint + path, data=data, method=method)
    call.add_header("Ocp-Apim-Subscription-Key", key)
    call.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(call) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    assert status == expected, (method, path, status, text)
    return json.loads(text) if text else None


# Several slots.
base = "/personalizer/v1.1-preview.3"
body = {
    "contextFeatures": [{"timeOfDay": "evening"}],
    "actions": [{"id": one.id, "features": one.features} for one in actions],
    "slots": [
        {"id": "main", "baselineAction": "pasta", "features": [{"size": "large"}]},
        {"id": "side", "baselineAction": "juice", "excludedActions": ["Ice cream"]},
    ],
    "eventId": "m1",
    "deferActivation": True,
}
answer = call("POST", base + "/multislot/rank", body, 201)
picked = [slot["rewardActionId"] for slot in answer["slots"]]
assert len(set(picked)) == 2 and answer["eventId"] == "m1", answer
call("POST", base + "/multislot/events/m1/activate", expected=204)
call("POST", base + "/multislot/events/m1/reward", {"reward": [{"slotId": "main", "value": 1.0}]}, 204)

# How it is set.
service = call("GET", base + "/configurations/service")
assert service["rewardWaitTime"] == "PT10M" and service["learningMode"] == "Online", service
call("PUT", base + "/configurations/service", {"learningMode": "Apprentice"})
answer = client.rank(request("a1"))
assert answer.reward_action_id == "pasta" and answer.ranking[0].probability == 1.0
error = call("PUT", base + "/configurations/service", {"rewardWaitTime": "soon"}, 400)
assert error["error"]["innerError"]["code"] == "InvalidRewardWaitTime", error
policy = call("PUT", base + "/configurations/policy", {"name": "mine", "arguments": "--cb_explore_adf --squarecb"})
assert "--squarecb" in policy["arguments"], policy
call("DELETE", base + "/configurations/policy")
assert call("GET", base + "/model/properties")["lastModifiedTime"]
call("DELETE", base + "/model", expected=204)
call("GET", "/personalizer/v9/configurations/service", expected=404)

print("all good")
