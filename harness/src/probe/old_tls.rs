//! Offers versions of TLS that no library of today speaks: the first message of a handshake
//! (RFC 4346, 7.4.1.2), byte by byte, and the first answer to it. Nothing is negotiated.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::probe::OldTls;
use crate::model::observed::OldTlsAnswer;

/// Suites of that time, with either kind of certificate, the better ones first.
const SUITES: [u16; 8] = [0xc009, 0xc00a, 0xc013, 0xc014, 0x002f, 0x0035, 0xc012, 0x000a];

/// `server_name`, `supported_groups`, `ec_point_formats` (RFC 6066, 3; RFC 8422, 5.1).
const SERVER_NAME: u16 = 0;
const GROUPS: [u8; 12] = [0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24];
const POINT_FORMATS: [u8; 6] = [0, 11, 0, 2, 1, 0];

/// Record types (RFC 5246, 6.2.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// Offers a version to a server. An error means that there was no answer at all.
pub async fn offer(address: SocketAddr, host: &str, version: OldTls) -> io::Result<OldTlsAnswer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&client_hello(host, version)).await?;
    let mut head = [0; 11];
    let mut read = 0;
    while read < head.len() {
        match stream.read(&mut head[read..]).await {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionReset => break,
            Err(cause) => return Err(cause),
        }
    }
    Ok(answer(&head[..read]))
}

/// Reads record header (5 bytes), then an alert (2), or a message header (4) and a version (2).
fn answer(head: &[u8]) -> OldTlsAnswer {
    match *head {
        [] => OldTlsAnswer::Closed,
        [ALERT, 3, _, _, _, _, alert, ..] => OldTlsAnswer::Alert(alert),
        [HANDSHAKE, 3, _, _, _, 2, _, _, _, major, minor] => {
            OldTlsAnswer::Accepted(u16::from_be_bytes([major, minor]))
        }
        _ => OldTlsAnswer::NotTls,
    }
}

fn client_hello(host: &str, version: OldTls) -> Vec<u8> {
    let version: [u8; 2] = match version {
        OldTls::V1_0 => [3, 1],
        OldTls::V1_1 => [3, 2],
    };
    let mut body = version.to_vec();
    body.extend(uuid::Uuid::new_v4().into_bytes());
    body.extend(uuid::Uuid::new_v4().into_bytes());
    body.push(0);
    body.extend(sized(&SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect::<Vec<_>>()));
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    // A literal address is no name (RFC 6066, 3).
    if host.parse::<std::net::IpAddr>().is_err() {
        let mut name = vec![0];
        name.extend(sized(host.as_bytes()));
        extensions.extend(SERVER_NAME.to_be_bytes());
        extensions.extend(sized(&sized(&name)));
    }
    extensions.extend(GROUPS);
    extensions.extend(POINT_FORMATS);
    body.extend(sized(&extensions));

    let mut message = vec![1, 0];
    message.extend(sized(&body));
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend(sized(&message));
    record
}

/// Bytes behind their number, in two bytes.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [length.to_be_bytes().as_slice(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_hellos_and_other_answers_are_told_apart() {
        assert_eq!(answer(&[21, 3, 2, 0, 2, 2, 70]), OldTlsAnswer::Alert(70));
        assert_eq!(answer(&[22, 3, 2, 0, 80, 2, 0, 0, 76, 3, 2]), OldTlsAnswer::Accepted(0x0302));
        assert_eq!(answer(b"HTTP/1.1 40"), OldTlsAnswer::NotTls);
        assert_eq!(answer(&[]), OldTlsAnswer::Closed);
    }

    #[test]
    fn lengths_of_a_hello_add_up() {
        let hello = client_hello("korrigo.test", OldTls::V1_1);
        let record = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
        assert_eq!(record, hello.len() - 5);
        let message = usize::from(u16::from_be_bytes([hello[7], hello[8]]));
        assert_eq!(message, hello.len() - 9);
        assert!(hello.windows(12).any(|window| window == b"korrigo.test"));
    }
}
