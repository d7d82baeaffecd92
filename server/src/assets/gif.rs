//! How long the pictures of an animation stay.

/// Shortest time that one picture of a GIF stays, in milliseconds, of those that give one: browsers show a picture without a
/// time, or with one of ten milliseconds, for a hundred. Nothing for what is no animation, or ends in the middle.
///
/// # Source
/// GIF89a, sections 18 to 27.
pub(super) fn shortest_frame_millis(bytes: &[u8]) -> Option<u32> {
    let mut at = 0_usize;
    let mut take = |n: usize| {
        let part = bytes.get(at..at.checked_add(n)?)?;
        at += n;
        Some(part)
    };
    if !take(6)?.starts_with(b"GIF8") {
        return None;
    }
    let palette = |flags: u8| {
        if flags & 0x80 == 0 {
            0
        } else {
            3 << ((flags & 7) + 1)
        }
    };
    let screen = take(7)?[4];
    take(palette(screen))?;
    let mut delays = Vec::new();
    loop {
        match take(1)?[0] {
            0x21 => {
                let is_control = take(1)?[0] == 0xf9;
                loop {
                    let n = usize::from(take(1)?[0]);
                    if n == 0 {
                        break;
                    }
                    let block = take(n)?;
                    if is_control && n >= 4 {
                        delays.push(u32::from(block[1]) | u32::from(block[2]) << 8);
                    }
                }
            }
            0x2c => {
                let flags = take(9)?[8];
                take(palette(flags))?;
                take(1)?;
                loop {
                    let n = usize::from(take(1)?[0]);
                    if n == 0 {
                        break;
                    }
                    take(n)?;
                }
            }
            _ => break,
        }
    }
    // Hundredths of a second.
    let said = delays.iter().filter(|delay| **delay > 1);
    let shortest = said.min().map(|delay| delay * 10);
    shortest.filter(|_| delays.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn animation(delays: &[u16]) -> Vec<u8> {
        let mut bytes = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff".to_vec();
        for delay in delays {
            bytes.extend([0x21, 0xf9, 4, 0]);
            bytes.extend(delay.to_le_bytes());
            bytes.extend([0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
        }
        bytes.push(0x3b);
        bytes
    }

    #[test]
    fn the_shortest_picture_is_found_and_damage_ends_nothing() {
        assert_eq!(shortest_frame_millis(&animation(&[10, 4, 100])), Some(40));
        assert_eq!(
            shortest_frame_millis(&animation(&[0, 1])),
            None,
            "browsers show these longer"
        );
        assert_eq!(
            shortest_frame_millis(&animation(&[4])),
            None,
            "one picture does not change"
        );
        let whole = animation(&[10, 4]);
        for n in 0..whole.len() - 1 {
            assert_eq!(shortest_frame_millis(&whole[..n]), None, "{n}");
        }
        assert_eq!(shortest_frame_millis(b"not a picture"), None);
    }
}
