//! The one comparison of secrets.

use subtle::ConstantTimeEq;

/// Whether two secrets are the same; the time it takes tells at most whether they are of one length.
pub fn is_same_secret(known: &[u8], shown: &[u8]) -> bool {
    known.ct_eq(shown).into()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    use super::*;

    /// The least time of many tries, taken in turns: whatever else the machine does only ever adds.
    fn least_times<const N: usize>(mut tries: [&mut dyn FnMut(); N]) -> [Duration; N] {
        let mut least = [Duration::MAX; N];
        for _ in 0..200 {
            for (one, least) in tries.iter_mut().zip(&mut least) {
                let began = Instant::now();
                one();
                *least = began.elapsed().min(*least);
            }
        }
        least
    }

    fn spread(times: &[Duration]) -> f64 {
        let (most, least) = (times.iter().max(), times.iter().min());
        most.unwrap().as_secs_f64() / least.unwrap().as_secs_f64()
    }

    /// What is compared here is 32 or 64 bytes long, and where it differs would show in nanoseconds. On texts hundreds of times
    /// as long a comparison that ends at the first difference is hundreds of times faster: nobody can miss that.
    #[test]
    fn timing_of_token_comparison() {
        let known = vec![b'a'; 16 << 10];
        let with = |at: usize| {
            let mut shown = known.clone();
            shown[at] = b'b';
            shown
        };
        let (first, middle, last) = (with(0), with(known.len() / 2), with(known.len() - 1));
        let compare = |shown: &[u8]| is_same_secret(black_box(&known), black_box(shown));
        assert!(compare(&known.clone()));
        assert!(
            ![&first, &middle, &last]
                .into_iter()
                .any(|shown| compare(shown))
        );
        assert!(!compare(&known[..known.len() - 1]));
        let right = known.clone();
        let times = least_times([
            &mut || {
                black_box(compare(&right));
            },
            &mut || {
                black_box(compare(&first));
            },
            &mut || {
                black_box(compare(&middle));
            },
            &mut || {
                black_box(compare(&last));
            },
        ]);
        assert!(spread(&times) < 1.5, "{times:?}");
        // The measure itself: it sees a comparison that ends early.
        let early = |shown: &[u8]| black_box(&known[..]) == black_box(shown);
        let times = least_times([
            &mut || {
                black_box(early(&first));
            },
            &mut || {
                black_box(early(&last));
            },
        ]);
        assert!(spread(&times) > 3.0, "{times:?}");
    }

    /// A code of a screen is held against seventeen: which of them it is, and whether any, takes the same time.
    #[test]
    fn timing_of_place_codes() {
        use regard_domain::Timestamp;

        let keys = crate::SiteKeys::from_seed(zeroize::Zeroizing::new([3; 32]));
        let codes = keys.place_codes();
        let screen = "window".parse().unwrap();
        let earlier = Timestamp::from_millis(1_800_000_000_000);
        let later = earlier.plus(Duration::from_secs(14 * 60));
        let present = codes.on_screen(&screen, later);
        let older = codes.on_screen(&screen, earlier);
        let sign = codes.on_sign(&screen);
        let read = |code: &str| codes.read(&screen, black_box(code), later);
        assert!(
            [&present, &older, &sign]
                .into_iter()
                .all(|code| read(code).is_some())
        );
        assert!(read("000000000000").is_none());
        let times = least_times([
            &mut || {
                black_box(read(&present));
            },
            &mut || {
                black_box(read(&older));
            },
            &mut || {
                black_box(read(&sign));
            },
            &mut || {
                black_box(read("000000000000"));
            },
        ]);
        assert!(spread(&times) < 1.5, "{times:?}");
    }
}
