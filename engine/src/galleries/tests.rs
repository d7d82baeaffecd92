mod merging;

use regard_identity::{ExactGallery, GalleryLimits, Template};

use super::*;
use crate::config::HAS_GALLERY_INDEX;

#[test]
fn what_is_told_of_a_gallery_is_how_it_is_searched() {
    let (secret, model) = ([4; 32], ModelTag::from_bits(3));
    let config = GalleryConfig {
        kind: GalleryKind::Neighbours { beyond: 1 },
        ..GalleryConfig::default()
    };
    let galleries = Galleries::new(config, "site".to_owned());
    let named = |name: &str| GalleryId::new(name).unwrap();
    let (as_wished, without_room) = (named("as-wished"), named("without-room"));
    galleries.open(&as_wished, &secret, model).unwrap();
    assert_eq!(galleries.index(&as_wished), GalleryIndex::Unavailable);
    galleries.filled(&as_wished).unwrap();
    // There was no memory for the index of this one.
    let transform = GalleryTransform::from_key(&secret, EMBEDDING_DIMENSION).unwrap();
    let of = transform.id();
    let exact = ExactGallery::new(transform, model, GalleryLimits::default());
    let room = Arc::new(RwLock::new(Room::new(Kept::Here(Box::new(exact)))));
    let mut rooms = galleries.rooms.write().unwrap();
    rooms.insert(without_room.clone(), room);
    drop(rooms);
    galleries.filled(&without_room).unwrap();
    for n in 1..=3_u8 {
        for gallery in [&as_wished, &without_room] {
            let numbers = vec![n.cast_signed(); EMBEDDING_DIMENSION];
            let values = Template::from_numbers(&numbers, model, of).unwrap();
            let face = NewFace {
                person: PersonId::from_bits(n.into()),
                template: TemplateId::from_bits(n.into()),
                bytes: values.to_bytes(),
                until: Timestamp::from_millis(1_000),
            };
            galleries.insert(gallery, &face).unwrap();
        }
        let wished = if HAS_GALLERY_INDEX && n > 1 {
            GalleryIndex::Neighbours
        } else {
            GalleryIndex::Exact
        };
        assert_eq!(galleries.index(&as_wished), wished, "{n}");
        assert_eq!(galleries.index(&without_room), GalleryIndex::Exact);
    }
    assert_eq!(galleries.index(&named("nowhere")), GalleryIndex::Exact);
}
