use proptest::prelude::*;

use super::*;

const MODEL: ModelTag = ModelTag::from_bits(0x1122_3344_5566_7788);

fn transform(seed: u8, dimension: usize) -> GalleryTransform {
    GalleryTransform::from_key(&[seed; 32], dimension).unwrap()
}

fn embedding(values: Vec<f32>) -> Embedding {
    Embedding::new(values, MODEL).unwrap()
}

#[test]
fn bytes_that_are_no_template_are_told_apart() {
    let template = transform(1, 4)
        .template(&embedding(vec![1.0, 2.0, 3.0, 4.0]))
        .unwrap();
    let good = template.to_bytes();
    assert!(Template::from_bytes(&good).is_ok());
    let changed = |at: usize, to: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = to;
        Template::from_bytes(&bytes).unwrap_err()
    };
    assert_eq!(changed(0, b'X'), TemplateFault::NotATemplate);
    assert_eq!(changed(4, 9), TemplateFault::UnknownVersion { version: 9 });
    assert_eq!(changed(5, 1), TemplateFault::NotATemplate);
    assert_eq!(changed(6, 5), TemplateFault::NotATemplate);
    assert_eq!(changed(HEAD_LEN, 0x80), TemplateFault::NotATemplate);
    for cut in 0..good.len() {
        assert!(Template::from_bytes(&good[..cut]).is_err(), "{cut}");
    }
    let mut null = good.to_vec();
    null[HEAD_LEN..].fill(0);
    assert_eq!(
        Template::from_bytes(&null).unwrap_err(),
        TemplateFault::NotATemplate
    );
}

#[test]
fn model_and_gallery_have_to_agree() {
    let key = Grant::<Recognition>::for_evaluation();
    let probe = embedding(vec![1.0, 2.0, 3.0, 4.0]);
    let (here, there) = (transform(1, 4), transform(2, 4));
    let template = here.template(&probe).unwrap();
    assert_eq!(
        template.verify(&probe, &there, &key),
        Err(TemplateFault::OtherTransform)
    );
    let elsewhere = there.template(&probe).unwrap();
    assert_eq!(
        template.similarity(&elsewhere, &key),
        Err(TemplateFault::OtherTransform)
    );
    let foreign = Embedding::new(vec![1.0, 2.0, 3.0, 4.0], ModelTag::from_bits(1)).unwrap();
    assert_eq!(
        template.verify(&foreign, &here, &key),
        Err(TemplateFault::OtherModel)
    );
    assert_eq!(format!("{template:?}"), "Template(4 values withheld)");
}

#[test]
fn tags_are_the_head_of_a_hash() {
    let text = "dadc112f5ec18b66be3896bbd3407250cacea30413debbf4f157abedd92e4d1b";
    let tag = ModelTag::from_sha256_text(text).unwrap();
    assert_eq!(tag.as_bits(), 0xdadc_112f_5ec1_8b66);
    assert_eq!(ModelTag::from_sha256_text("dadc"), None);
    assert_eq!(ModelTag::from_sha256_text("+adc112f5ec18b66"), None);
}

proptest! {
    #[test]
    fn bytes_come_back(values in prop::collection::vec(-1.0_f32..1.0, 1..200)) {
        prop_assume!(values.iter().any(|v| v.abs() > 0.01));
        let dimension = values.len();
        let template = transform(3, dimension).template(&embedding(values)).unwrap();
        let back = Template::from_bytes(&template.to_bytes()).unwrap();
        prop_assert_eq!(back.values(), template.values());
        prop_assert_eq!(back.model(), template.model());
        prop_assert_eq!(back.transform(), template.transform());
    }

    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Template::from_bytes(&bytes);
    }

    /// What rounding and turning cost, against the cosine of the embeddings themselves.
    #[test]
    fn verification_is_the_cosine(
        a in prop::collection::vec(-1.0_f32..1.0, 128), b in prop::collection::vec(-1.0_f32..1.0, 128),
    ) {
        let key = Grant::<Recognition>::for_evaluation();
        let transform = transform(7, 128);
        let (a, b) = (embedding(a), embedding(b));
        let truth = a.similarity(&b, &key).unwrap().get();
        let template = transform.template(&a).unwrap();
        let one_side = template.verify(&b, &transform, &key).unwrap().get();
        prop_assert!((one_side - truth).abs() < 0.006, "{one_side} {truth}");
        let both = template.similarity(&transform.template(&b).unwrap(), &key).unwrap().get();
        prop_assert!((both - truth).abs() < 0.008, "{both} {truth}");
    }
}
