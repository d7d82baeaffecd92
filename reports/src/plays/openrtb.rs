//! What ad exchanges ask of a screen.
//!
//! # Source
//! OpenRTB 2.6, objects `DOOH` (3.2.29) and `Qty` (3.2.31); venue types of the OpenOOH taxonomy.

use regard_commitments::Release;
use serde::Serialize;

/// Version 1.1 of the OpenOOH taxonomy, as AdCOM counts taxonomies.
const OPENOOH_1_1: u32 = 1;

/// The multiplier is the publisher's own measurement.
const FROM_PUBLISHER: u32 = 2;

/// A screen as it is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoohScreen {
    /// Its id.
    pub id: String,
    /// Venue types by name or number, such as `retail.grocery`.
    pub venue_types: Vec<String>,
    /// How often messages were shown on it on the day; of a screen that is parted, in each slot on average, for whoever looks looks
    /// at all of them.
    pub n_plays: u64,
    /// How long one play lasts, in seconds.
    pub play_secs: u32,
    /// The camera that watches its audience.
    pub camera: Option<String>,
}

#[derive(Serialize)]
struct Qty {
    multiplier: f64,
    sourcetype: u32,
    vendor: &'static str,
}

#[derive(Serialize)]
struct Video {
    mimes: [&'static str; 2],
    minduration: u32,
    maxduration: u32,
}

#[derive(Serialize)]
struct Imp {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<Qty>,
    video: Video,
    /// Billed when it is rendered: an impression is a play times the multiplier.
    exp: u32,
}

#[derive(Serialize)]
struct Dooh {
    id: String,
    name: String,
    venuetype: Vec<String>,
    venuetypetax: u32,
}

#[derive(Serialize)]
struct Request {
    id: String,
    imp: [Imp; 1],
    dooh: Dooh,
}

/// An object for bid requests for each screen: `dooh`, and `imp.qty` with how many people one play reaches on average. That comes
/// of the noised numbers of a day, as they were released, and of plays, which count screens: nothing else about people is in it.
/// A screen without a camera, and one in front of which too few came to tell, has no `qty`.
///
/// # Errors
/// When the numbers cannot be printed.
pub fn openrtb(
    site: &str,
    release: &Release,
    screens: &[DoohScreen],
) -> Result<String, serde_json::Error> {
    let requests: Vec<Request> = screens
        .iter()
        .map(|screen| {
            let mut cells = release.cells.iter();
            let camera = screen.camera.as_deref();
            let cell =
                cells.find(|cell| cell.hour.is_none() && Some(cell.camera.as_str()) == camera);
            let lookers = cell
                .and_then(|cell| cell.sums.as_ref())
                .map(|sums| sums.lookers);
            let multiplier = lookers.filter(|_| screen.n_plays > 0);
            let multiplier = multiplier.map(|lookers| {
                // Three digits: more would be noise.
                (lookers as f64 / screen.n_plays as f64 * 1e3).round() / 1e3
            });
            Request {
                id: format!("{site}-{}-{}", screen.id, release.day),
                imp: [Imp {
                    id: "1".to_owned(),
                    qty: multiplier.map(|multiplier| Qty {
                        multiplier,
                        sourcetype: FROM_PUBLISHER,
                        vendor: "regard",
                    }),
                    video: Video {
                        mimes: ["video/mp4", "image/jpeg"],
                        minduration: 1,
                        maxduration: screen.play_secs.max(1),
                    },
                    exp: screen.play_secs.max(1),
                }],
                dooh: Dooh {
                    id: format!("{site}-{}", screen.id),
                    name: screen.id.clone(),
                    venuetype: screen.venue_types.clone(),
                    venuetypetax: OPENOOH_1_1,
                },
            }
        })
        .collect();
    serde_json::to_string_pretty(&requests)
}

#[cfg(test)]
mod tests {
    use regard_commitments::{Cell, Detail, Noise, NoiseQuery, VisitSums};

    use super::*;

    /// No noise, so that the numbers can be foretold.
    struct Silence;

    impl Noise for Silence {
        type Error = std::convert::Infallible;
        fn add(
            &self,
            queries: &[NoiseQuery],
            _total: regard_commitments::Epsilon,
        ) -> Result<Vec<Vec<i64>>, Self::Error> {
            Ok(queries.iter().map(|query| query.values.clone()).collect())
        }
    }

    #[test]
    fn a_multiplier_is_lookers_a_play_and_comes_of_what_was_released() {
        let cell = |camera: &str, visits, lookers| Cell {
            camera: camera.parse().unwrap(),
            hour: None,
            sums: VisitSums {
                visits,
                lookers,
                ..VisitSums::default()
            },
        };
        let cells = [cell("busy", 100, 80), cell("quiet", 3, 2)];
        let day = "2026-06-01".parse().unwrap();
        let at = regard_domain::Timestamp::from_millis(0);
        let release = Release::make((day, Detail::Day), at, &cells, &Silence).unwrap();
        let screen = |id: &str, camera: Option<&str>| DoohScreen {
            id: id.to_owned(),
            venue_types: vec!["retail.grocery".to_owned()],
            n_plays: 320,
            play_secs: 10,
            camera: camera.map(str::to_owned),
        };
        let screens = [
            screen("a", Some("busy")),
            screen("b", Some("quiet")),
            screen("c", None),
        ];
        let text = openrtb("shop", &release, &screens).unwrap();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(all[0]["imp"][0]["qty"]["multiplier"], 0.25);
        assert_eq!(all[0]["imp"][0]["qty"]["sourcetype"], 2);
        assert_eq!(all[0]["dooh"]["venuetype"][0], "retail.grocery");
        for without in [&all[1], &all[2]] {
            assert!(without["imp"][0].get("qty").is_none(), "{without}");
        }
    }
}
