// The real JavaScript client of CompreFace against a running server. Arguments as those of the Python one, and the folder
// that holds node_modules before them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, port, recognitionKey, detectionKey, verificationKey, folder] = process.argv.slice(2);
const sdk = path.join(modules, 'node_modules/@exadel/compreface-js-sdk/index.js');
const { CompreFace } = await import(pathToFileURL(sdk).href);

// It takes paths that begin with a dot, and base64.
process.chdir(folder);
const file = (name) => `./${name}`;
const base64 = (name) => fs.readFileSync(name).toString('base64');
const code = async (promise) => {
    try {
        await promise;
    } catch (error) {
        return error.response.data.code;
    }
    return undefined;
};
const near = (value, low, high) => assert.ok(value >= low && value <= high, `${value} is not in ${low}..${high}`);
console.log = () => {}; // It tells its key.

const compreFace = new CompreFace('http://127.0.0.1', port);
const recognition = compreFace.initFaceRecognitionService(recognitionKey);
const detection = compreFace.initFaceDetectionService(detectionKey);
const verification = compreFace.initFaceVerificationService(verificationKey);
// Each call of these changes the address that the next one uses.
const faces = () => recognition.getFaceCollection();
const subjects = () => recognition.getSubjects();

assert.deepEqual(await subjects().list(), { subjects: [] });
assert.deepEqual(await subjects().add('Cleo'), { subject: 'Cleo' });
assert.equal(await code(subjects().add('Cleo')), 43);
assert.deepEqual(await subjects().rename('Cleo', 'Cleo D'), { updated: true });

const options = { det_prob_threshold: 0.8 };
const one = await faces().add(file('one.jpg'), 'Cleo D', options);
assert.equal(one.subject, 'Cleo D');
const other = await faces().add(base64('other.jpg'), 'Dan', options);
assert.equal(other.subject, 'Dan');
assert.equal(await code(faces().add(file('crowd.jpg'), 'Crowd', options)), 31);
assert.equal((await faces().list()).total_elements, 2);

// Without a limit that is not 0 it writes a second question mark into the query.
for (const limit of [undefined, 1]) {
    const found = await recognition.recognize(file('same.jpg'), {
        limit, det_prob_threshold: 0.8, prediction_count: 1, face_plugins: 'landmarks,gender', status: 'true',
    });
    const [face] = found.result;
    assert.equal(face.subjects.length, 1);
    assert.equal(face.subjects[0].subject, 'Cleo D');
    near(face.subjects[0].similarity, 0.5, 1);
    assert.equal(face.landmarks.length, 5);
    assert.equal(face.gender, undefined);
    assert.match(found.plugins_versions.gender, /^unavailable: /);
}
near((await faces().verify(file('same.jpg'), one.image_id, options)).result[0].similarity, 0.5, 1);

const pair = await verification.verify(file('one.jpg'), file('same.jpg'), { limit: 1, ...options });
near(pair.result[0].face_matches[0].similarity, 0.5, 1);

const crowd = await detection.detect(file('crowd.jpg'), { limit: 2, det_prob_threshold: 0.8, face_plugins: 'landmarks' });
assert.equal(crowd.result.length, 2);
assert.equal(await code(detection.detect(file('nobody.png'), {})), 28);

const gone = await faces().delete_multiple_images([other.image_id, '00000000-0000-0000-0000-000000000000']);
assert.deepEqual(gone, [other]);
assert.equal(await code(faces().delete(other.image_id)), 11);
assert.deepEqual(await faces().delete_all_subject('Cleo D'), { deleted: 1 });
assert.deepEqual(await subjects().delete('Cleo D'), { subject: 'Cleo D' });
assert.deepEqual(await faces().delete_all(), { deleted: 0 });
assert.deepEqual(await subjects().deleteAll(), { deleted: 1 });
process.stdout.write('all good\n');
