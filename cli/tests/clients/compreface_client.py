"""The real Python client of CompreFace against a running server.

Arguments: port, key of a recognition service, of a detection service, of a verification service, folder with pictures
(one.jpg and same.jpg: one person; other.jpg: another; crowd.jpg: several; nobody.png: none).
"""
import os
import sys

from compreface import CompreFace
from compreface.service import DetectionService, RecognitionService, VerificationService

port, recognition_key, detection_key, verification_key, folder = sys.argv[1:6]


def picture(name):
    return os.path.join(folder, name)


def near(what, value, low, high):
    assert low <= value <= high, (what, value)


compre_face = CompreFace("http://127.0.0.1", port)
recognition: RecognitionService = compre_face.init_face_recognition(recognition_key)
detection: DetectionService = compre_face.init_face_detection(detection_key)
verification: VerificationService = compre_face.init_face_verification(verification_key)
faces, subjects = recognition.get_face_collection(), recognition.get_subjects()

# Subjects.
assert subjects.list() == {"subjects": []}
assert subjects.add("Ann Bee") == {"subject": "Ann Bee"}
assert subjects.add("Ann Bee")["code"] == 43
assert subjects.add("")["code"] == 26
assert subjects.list() == {"subjects": ["Ann Bee"]}
assert subjects.update("Ann Bee", "Ann Cee") == {"updated": True}
assert subjects.update("Nobody", "Somebody")["code"] == 42
assert subjects.delete("Nobody")["code"] == 42

# Faces.
added = faces.add(picture("one.jpg"), "Ann Cee", {"det_prob_threshold": 0.8})
assert added["subject"] == "Ann Cee", added
with open(picture("other.jpg"), "rb") as file:
    other = faces.add(file.read(), "Bob")
assert other["subject"] == "Bob", other
assert faces.add(picture("crowd.jpg"), "Crowd")["code"] == 31
assert faces.add(picture("nobody.png"), "Nobody")["code"] == 28
listed = faces.list()
assert {face["subject"] for face in listed["faces"]} == {"Ann Cee", "Bob"}, listed
assert (listed["page_number"], listed["page_size"]) == (0, 20), listed
assert (listed["total_pages"], listed["total_elements"]) == (1, 2), listed

# Recognition: .5 is the operating point.
found = recognition.recognize(picture("same.jpg"), {
    "limit": 0,
    "det_prob_threshold": 0.8,
    "prediction_count": 2,
    "face_plugins": "calculator,age,gender,landmarks,mask",
    "status": True,
})
face = found["result"][0]
assert [one["subject"] for one in face["subjects"]] == ["Ann Cee", "Bob"], face["subjects"]
near("same", face["subjects"][0]["similarity"], 0.5, 1.0)
near("other", face["subjects"][1]["similarity"], 0.0, 0.5)
assert all(isinstance(face["box"][side], int) for side in ("x_min", "y_min", "x_max", "y_max")), face
near("probability", face["box"]["probability"], 0.8, 1.0)
assert len(face["landmarks"]) == 5 and all(len(point) == 2 for point in face["landmarks"])
assert len(face["embedding"]) == 128
assert "gender" not in face and "age" not in face and "mask" not in face
assert face["execution_time"]["detector"] >= 0
versions = found["plugins_versions"]
for slug in ("age", "gender", "mask"):
    assert versions[slug].startswith("unavailable: "), versions
assert "sface" in versions["calculator"] and "yunet" in versions["detector"], versions
plain = recognition.recognize(picture("same.jpg"))
assert "plugins_versions" not in plain and "execution_time" not in plain["result"][0], plain

# One to one.
checked = faces.verify(picture("same.jpg"), added["image_id"])["result"][0]
near("verified", checked["similarity"], 0.5, 1.0)
checked = faces.verify(picture("same.jpg"), other["image_id"])["result"][0]
near("not verified", checked["similarity"], 0.0, 0.5)
assert faces.verify(picture("same.jpg"), "00000000-0000-0000-0000-000000000000")["code"] == 11

# Two pictures.
pair = verification.verify(picture("one.jpg"), picture("same.jpg"), {"face_plugins": "landmarks", "status": True})
pair_result = pair["result"][0]
near("pair", pair_result["face_matches"][0]["similarity"], 0.5, 1.0)
assert len(pair_result["source_image_face"]["landmarks"]) == 5 and pair["plugins_versions"], pair
pair = verification.verify(picture("one.jpg"), picture("other.jpg"))
near("no pair", pair["result"][0]["face_matches"][0]["similarity"], 0.0, 0.5)
assert verification.verify(picture("crowd.jpg"), picture("one.jpg"))["code"] == 31

# Detection.
crowd = detection.detect(picture("crowd.jpg"), {"det_prob_threshold": 0.8, "limit": 3, "face_plugins": "landmarks"})
assert len(crowd["result"]) == 3, crowd
assert all("embedding" not in face and len(face["landmarks"]) == 5 for face in crowd["result"])
assert detection.detect(picture("nobody.png"))["code"] == 28

# Taking out.
assert faces.delete(other["image_id"]) == {"image_id": other["image_id"], "subject": "Bob"}
assert faces.delete(other["image_id"])["code"] == 11
after = recognition.recognize(picture("other.jpg"))["result"][0]["subjects"]
assert all(one["subject"] != "Bob" for one in after), after
assert faces.delete_all("Ann Cee") == {"deleted": 1}
assert subjects.delete("Ann Cee") == {"subject": "Ann Cee"}
assert subjects.delete_all() == {"deleted": 1}
assert subjects.list() == {"subjects": []}

# Keys.
assert compre_face.init_face_recognition("no-such-key").recognize(picture("one.jpg"))["code"] == 10
assert compre_face.init_face_detection(recognition_key).detect(picture("one.jpg"))["code"] == 10
print("all good")
