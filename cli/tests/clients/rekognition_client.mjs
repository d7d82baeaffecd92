// The AWS SDK for JavaScript against a running server. Arguments: the folder that holds node_modules, port, access key id,
// secret access key, folder with pictures.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [modules, port, accessKeyId, secretAccessKey, folder] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), 'index.js'));
const sdk = require('@aws-sdk/client-rekognition');

const client = (secret = secretAccessKey) => new sdk.RekognitionClient({
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId, secretAccessKey: secret },
    maxAttempts: 1,
});
const rekognition = client();
const call = (name, input = {}) => rekognition.send(new sdk[`${name}Command`](input));
const picture = (name) => ({ Bytes: fs.readFileSync(path.join(folder, name)) });
const collection = { CollectionId: 'photos' };

assert.equal((await call('CreateCollection', collection)).StatusCode, 200);
await assert.rejects(call('CreateCollection', collection), sdk.ResourceAlreadyExistsException);
await assert.rejects(call('CreateCollection', { CollectionId: 'not-attested' }), (error) => {
    assert.ok(error instanceof sdk.AccessDeniedException);
    assert.match(error.message, /consent_missing/);
    assert.ok(error.$metadata.requestId);
    return true;
});
assert.deepEqual((await call('ListCollections')).CollectionIds, ['photos']);
assert.ok((await call('DescribeCollection', collection)).CreationTimestamp instanceof Date);

const indexed = await call('IndexFaces', { ...collection, Image: picture('one.jpg'), ExternalImageId: 'ann' });
const { FaceId } = indexed.FaceRecords[0].Face;
await call('IndexFaces', { ...collection, Image: picture('other.jpg'), ExternalImageId: 'bob' });
const pages = [];
for await (const page of sdk.paginateListFaces({ client: rekognition, pageSize: 1 }, collection)) {
    pages.push(...page.Faces);
}
assert.equal(pages.length, 2);
const found = await call('SearchFacesByImage', { ...collection, Image: picture('same.jpg') });
assert.deepEqual(found.FaceMatches.map((match) => match.Face.FaceId), [FaceId]);
await call('CreateUser', { ...collection, UserId: 'ann', ClientRequestToken: 'token' });
await call('AssociateFaces', { ...collection, UserId: 'ann', FaceIds: [FaceId] });
const users = await call('SearchUsersByImage', { ...collection, Image: picture('same.jpg') });
assert.deepEqual(users.UserMatches.map((match) => match.User.UserId), ['ann']);
const compared = await call('CompareFaces', { SourceImage: picture('one.jpg'), TargetImage: picture('same.jpg') });
assert.ok(compared.FaceMatches[0].Similarity >= 80);
const detected = await call('DetectFaces', { Image: picture('crowd.jpg'), Attributes: ['ALL'] });
assert.ok(detected.FaceDetails.length > 4 && detected.FaceDetails.every((face) => face.Gender === undefined));
await assert.rejects(call('DetectFaces', { Image: { Bytes: Buffer.from('GIF89a') } }), sdk.InvalidImageFormatException);
await assert.rejects(
    call('SearchFacesByImage', { ...collection, Image: picture('nobody.png') }), sdk.InvalidParameterException);
await assert.rejects(
    client('another secret').send(new sdk.ListCollectionsCommand({})), { name: 'InvalidSignatureException' });

await call('DeleteUser', { ...collection, UserId: 'ann' });
assert.deepEqual((await call('DeleteFaces', { ...collection, FaceIds: [FaceId] })).DeletedFaces, [FaceId]);
assert.equal((await call('DeleteCollection', collection)).StatusCode, 200);
await assert.rejects(call('DeleteCollection', collection), sdk.ResourceNotFoundException);
process.stdout.write('all good\n');
