"""boto3 against a running server; each answer is checked against botocore's own model of the service.

Arguments: port, access key id, secret access key, folder with pictures. Beside that folder lies admin.token: acts are told of on the
console. A screen of the server shows its notice.
"""
import datetime
import json
import os
import sys
import urllib.request

import boto3
import botocore.parsers
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, StructureShape

port, key_id, secret, folder = sys.argv[1:5]
REGION = "eu-west-1"


def client(key_id=key_id, secret=secret, region=REGION):
    return boto3.client(
        "rekognition", region_name=region, endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=key_id, aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}),
    )


def checked(value, shape, path):
    """The raw JSON of an answer against the model: known members, types, enums, bounds, patterns."""
    import re
    if isinstance(shape, StructureShape):
        assert isinstance(value, dict), path
        for name in shape.required_members:
            assert name in value, f"{path}.{name} is missing"
        for name, member in value.items():
            assert name in shape.members, f"{path}.{name} is not in the model"
            checked(member, shape.members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        assert isinstance(value, list), path
        if "max" in shape.metadata:
            assert len(value) <= shape.metadata["max"], path
        for member in value:
            checked(member, shape.member, f"{path}[]")
    elif isinstance(shape, MapShape):
        raise AssertionError(path)
    else:
        kind = shape.type_name
        if kind in ("float", "double", "timestamp"):
            assert isinstance(value, (int, float)) and not isinstance(value, bool), path
        elif kind in ("integer", "long"):
            assert isinstance(value, int) and not isinstance(value, bool), path
        elif kind == "boolean":
            assert isinstance(value, bool), path
        else:
            assert isinstance(value, str), path
            if shape.enum:
                assert value in shape.enum, (path, value)
            if "pattern" in shape.metadata:
                assert re.fullmatch(shape.metadata["pattern"], value), (path, value)
            if "min" in shape.metadata:
                assert shape.metadata["min"] <= len(value) <= shape.metadata.get("max", 1 << 30), path
            return
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        assert low is None or value >= low, (path, value)
        assert high is None or value <= high, (path, value)


n_checked = 0
parse = botocore.parsers.JSONParser._do_parse


def parse_and_check(self, response, shape):
    global n_checked
    if response["status_code"] < 300:
        checked(self._parse_body_as_json(response["body"]), shape, shape.name)
        n_checked += 1
    return parse(self, response, shape)


botocore.parsers.JSONParser._do_parse = parse_and_check


def picture(name):
    with open(os.path.join(folder, name), "rb") as file:
        return {"Bytes": file.read()}


def refused(name, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == name, error.response
        assert error.response["Error"]["Message"], error.response
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error
    raise AssertionError(f"{name} was expected")


rek = client()
errors = rek.exceptions

# Collections.
made = rek.create_collection(CollectionId="photos")
assert made["StatusCode"] == 200 and made["CollectionArn"].endswith(":collection/photos"), made
refused("ResourceAlreadyExistsException", rek.create_collection, CollectionId="photos")
refused("InvalidParameterException", rek.create_collection, CollectionId="no spaces here")
denied = refused("AccessDeniedException", rek.create_collection, CollectionId="not-attested")
assert "consent_missing" in str(denied)
assert isinstance(denied, errors.AccessDeniedException)
rek.create_collection(CollectionId="My.Photos")
assert rek.list_collections()["CollectionIds"] == ["My.Photos", "photos"]
page = rek.list_collections(MaxResults=1)
assert page["CollectionIds"] == ["My.Photos"] and page["NextToken"]
assert rek.list_collections(MaxResults=1, NextToken=page["NextToken"])["CollectionIds"] == ["photos"]
refused("InvalidPaginationTokenException", rek.list_collections, NextToken="nonsense")
paginator = rek.get_paginator("list_collections")
paged = [name for page in paginator.paginate(PaginationConfig={"PageSize": 1}) for name in page["CollectionIds"]]
assert paged == ["My.Photos", "photos"], paged
described = rek.describe_collection(CollectionId="photos")
assert described["FaceCount"] == 0 and isinstance(described["CreationTimestamp"], datetime.datetime)
refused("ResourceNotFoundException", rek.describe_collection, CollectionId="nowhere")

# Faces.
indexed = rek.index_faces(CollectionId="photos", Image=picture("one.jpg"), ExternalImageId="ann", DetectionAttributes=["ALL"])
(record,) = indexed["FaceRecords"]
one = record["Face"]["FaceId"]
assert record["Face"]["ExternalImageId"] == "ann"
assert "Gender" not in record["FaceDetail"] and "AgeRange" not in record["FaceDetail"]
again = rek.index_faces(CollectionId="photos", Image=picture("one.jpg"), ExternalImageId="ann")
assert again["FaceRecords"][0]["Face"]["FaceId"] == one, "stored twice"
other = rek.index_faces(CollectionId="photos", Image=picture("other.jpg"), ExternalImageId="bob")
other = other["FaceRecords"][0]["Face"]["FaceId"]
assert rek.describe_collection(CollectionId="photos")["FaceCount"] == 2
refused("AccessDeniedException", rek.index_faces, CollectionId="photos", Image=picture("crowd.jpg"), QualityFilter="NONE")
crowd = rek.index_faces(CollectionId="photos", Image=picture("crowd.jpg"), ExternalImageId="cy:di", QualityFilter="NONE")
assert len(crowd["FaceRecords"]) == 2 and len(crowd["UnindexedFaces"]) > 2, crowd
assert all(face["Reasons"] == ["EXCEEDS_MAX_FACES"] for face in crowd["UnindexedFaces"])
first = rek.index_faces(CollectionId="photos", Image=picture("crowd.jpg"), MaxFaces=1, QualityFilter="NONE")
assert len(first["FaceRecords"]) == 1
strict = rek.index_faces(CollectionId="photos", Image=picture("crowd.jpg"), ExternalImageId="x", QualityFilter="HIGH")
assert any(set(face["Reasons"]) - {"EXCEEDS_MAX_FACES"} for face in strict["UnindexedFaces"]), strict
listed = rek.list_faces(CollectionId="photos", MaxResults=2)
assert len(listed["Faces"]) == 2 and listed["NextToken"]
every = [face for page in rek.get_paginator("list_faces").paginate(CollectionId="photos", PaginationConfig={"PageSize": 2})
         for face in page["Faces"]]
assert len(every) == rek.describe_collection(CollectionId="photos")["FaceCount"]
assert [face["FaceId"] for face in rek.list_faces(CollectionId="photos", FaceIds=[one])["Faces"]] == [one]

# Searches.
found = rek.search_faces_by_image(CollectionId="photos", Image=picture("same.jpg"))
assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [one], found
assert found["FaceMatches"][0]["Similarity"] >= 80 and found["SearchedFaceConfidence"] > 50
everyone = rek.search_faces_by_image(CollectionId="photos", Image=picture("same.jpg"), FaceMatchThreshold=0, MaxFaces=4)
assert len(everyone["FaceMatches"]) == 4
error = refused("InvalidParameterException", rek.search_faces_by_image, CollectionId="photos", Image=picture("nobody.png"))
assert "There are no faces in the image" in str(error)
assert rek.search_faces(CollectionId="photos", FaceId=one)["FaceMatches"] == []
near = rek.search_faces(CollectionId="photos", FaceId=one, FaceMatchThreshold=0, MaxFaces=4096)
assert near["SearchedFaceId"] == one and one not in [match["Face"]["FaceId"] for match in near["FaceMatches"]]
refused("InvalidParameterException", rek.search_faces, CollectionId="photos", FaceId="00000000-0000-0000-0000-000000000000")

# Users.
rek.create_user(CollectionId="photos", UserId="ann", ClientRequestToken="t1")
rek.create_user(CollectionId="photos", UserId="ann", ClientRequestToken="t1")
refused("IdempotentParameterMismatchException", rek.create_user, CollectionId="photos", UserId="eve", ClientRequestToken="t1")
refused("ConflictException", rek.create_user, CollectionId="photos", UserId="ann")
rek.create_user(CollectionId="photos", UserId="bob")
same = rek.index_faces(CollectionId="photos", Image=picture("same.jpg"), ExternalImageId="ann2")
same = same["FaceRecords"][0]["Face"]["FaceId"]
missing = "00000000-0000-0000-0000-000000000001"
associated = rek.associate_faces(CollectionId="photos", UserId="ann", FaceIds=[one, same, other, missing])
assert [face["FaceId"] for face in associated["AssociatedFaces"]] == [one, same], associated
reasons = {face["FaceId"]: face["Reasons"] for face in associated["UnsuccessfulFaceAssociations"]}
assert reasons == {other: ["LOW_MATCH_CONFIDENCE"], missing: ["FACE_NOT_FOUND"]}, associated
rek.associate_faces(CollectionId="photos", UserId="bob", FaceIds=[other])
theirs = rek.associate_faces(CollectionId="photos", UserId="bob", FaceIds=[one])
assert theirs["UnsuccessfulFaceAssociations"][0]["Reasons"] == ["ASSOCIATED_TO_A_DIFFERENT_USER"], theirs
assert [user["UserId"] for user in rek.list_users(CollectionId="photos")["Users"]] == ["ann", "bob"]
page = rek.list_users(CollectionId="photos", MaxResults=1)
assert rek.list_users(CollectionId="photos", MaxResults=1, NextToken=page["NextToken"])["Users"][0]["UserId"] == "bob"
assert len(rek.list_faces(CollectionId="photos", UserId="ann")["Faces"]) == 2
users = rek.search_users_by_image(CollectionId="photos", Image=picture("same.jpg"))
assert [match["User"]["UserId"] for match in users["UserMatches"]] == ["ann"], users
users = rek.search_users(CollectionId="photos", FaceId=same)
assert [match["User"]["UserId"] for match in users["UserMatches"]] == ["ann"], users
users = rek.search_users(CollectionId="photos", UserId="ann", UserMatchThreshold=0)
assert [match["User"]["UserId"] for match in users["UserMatches"]] == ["bob"] and users["SearchedUser"], users
refused("InvalidParameterException", rek.search_users, CollectionId="photos")
refused("ResourceNotFoundException", rek.search_users, CollectionId="photos", UserId="eve")

# Two pictures, and none.
compared = rek.compare_faces(SourceImage=picture("one.jpg"), TargetImage=picture("same.jpg"))
assert len(compared["FaceMatches"]) == 1 and compared["UnmatchedFaces"] == [], compared
compared = rek.compare_faces(SourceImage=picture("one.jpg"), TargetImage=picture("crowd.jpg"), QualityFilter="NONE")
assert compared["FaceMatches"] == [] and len(compared["UnmatchedFaces"]) > 2
refused("InvalidParameterException", rek.compare_faces, SourceImage=picture("nobody.png"), TargetImage=picture("one.jpg"))
detected = rek.detect_faces(Image=picture("crowd.jpg"), Attributes=["ALL"])["FaceDetails"]
assert len(detected) > 4 and all(0 <= face["Confidence"] <= 100 for face in detected)
assert all({"BoundingBox", "Landmarks", "Pose", "Quality"} <= set(face) for face in detected)
assert not any({"Gender", "AgeRange"} & set(face) for face in detected)
assert any("Emotions" in face for face in detected), "the notice is live"
assert rek.detect_faces(Image=picture("nobody.png"))["FaceDetails"] == []
assert "sensitive_inference" in str(refused("AccessDeniedException", rek.detect_faces, Image=picture("one.jpg"), Attributes=["GENDER"]))
refused("AccessDeniedException", rek.recognize_celebrities, Image=picture("one.jpg"))
refused("UnknownOperationException", rek.detect_labels, Image=picture("one.jpg"))
refused("InvalidImageFormatException", rek.detect_faces, Image={"Bytes": b"GIF89a and more"})
refused("InvalidImageFormatException", rek.detect_faces, Image={"Bytes": picture("one.jpg")["Bytes"][:400]})
refused("ImageTooLargeException", rek.detect_faces, Image={"Bytes": b"\xff\xd8\xff" + bytes(5242880)})
refused("InvalidS3ObjectException", rek.detect_faces, Image={"S3Object": {"Bucket": "bucket", "Name": "x.jpg"}})

# A collection whose attestation does not make uploads acts: each search names an act, which is good once.
rek.create_collection(CollectionId="acts")
rek.index_faces(CollectionId="acts", Image=picture("one.jpg"), ExternalImageId="ann")
search = {"CollectionId": "acts", "Image": picture("same.jpg")}
assert "act_missing" in str(refused("AccessDeniedException", rek.search_faces_by_image, **search))
with_act, from_camera = client(), client()
with open(os.path.join(os.path.dirname(folder.rstrip("/")), "admin.token"), encoding="ascii") as file:
    admin = file.read().strip()
told = urllib.request.Request(
    f"http://127.0.0.1:{port}/v1/collections/acts/acts", data=b'{"by": "button"}',
    headers={"Content-Type": "application/json", "Authorization": f"Bearer {admin}"})
with urllib.request.urlopen(told) as answer:
    act = json.load(answer)["act"]
with_act.meta.events.register("before-sign.rekognition", lambda request, **_: request.headers.add_header("x-regard-act", act))
assert len(with_act.search_faces_by_image(**search)["FaceMatches"]) == 1
refused("AccessDeniedException", with_act.search_faces_by_image, **search)
from_camera.meta.events.register(
    "before-sign.rekognition", lambda request, **_: request.headers.add_header("x-regard-source", "camera"))
assert "no_reidentification" in str(refused(
    "AccessDeniedException", from_camera.search_faces_by_image, CollectionId="photos", Image=picture("same.jpg")))

# Taking out.
deleted = rek.delete_faces(CollectionId="photos", FaceIds=[one, missing])
assert deleted["DeletedFaces"] == [] and len(deleted["UnsuccessfulFaceDeletions"]) == 2, deleted
released = rek.disassociate_faces(CollectionId="photos", UserId="ann", FaceIds=[one, other, missing])
assert [face["FaceId"] for face in released["DisassociatedFaces"]] == [one]
assert [face["Reasons"][0] for face in released["UnsuccessfulFaceDisassociations"]] == [
    "ASSOCIATED_TO_A_DIFFERENT_USER", "FACE_NOT_FOUND"]
rek.delete_user(CollectionId="photos", UserId="ann")
refused("ResourceNotFoundException", rek.delete_user, CollectionId="photos", UserId="ann")
assert rek.delete_faces(CollectionId="photos", FaceIds=[one, same])["DeletedFaces"] == [one, same]
assert rek.search_faces_by_image(CollectionId="photos", Image=picture("same.jpg"))["FaceMatches"] == []
for name in ("photos", "My.Photos", "acts"):
    assert rek.delete_collection(CollectionId=name)["StatusCode"] == 200
refused("ResourceNotFoundException", rek.delete_collection, CollectionId="photos")
assert rek.list_collections()["CollectionIds"] == []

# Keys and signatures.
refused("UnrecognizedClientException", client(key_id="AKIDOTHER").list_collections)
refused("InvalidSignatureException", client(secret="another secret").list_collections)
refused("InvalidSignatureException", client(region="us-east-1").list_collections)
assert n_checked > 50, n_checked
print("all good")
