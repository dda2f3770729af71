//! What an unmodified boto3 meets at the wire, and what is told to requests that are not as they should be.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::world::{run, server};

#[test]
fn boto3_is_served_and_bad_requests_get_awss_own_errors() {
    run(&server(), "wire/check.py");
}

#[test]
fn signatures_are_verified_and_refused_in_the_words_of_each_protocol() {
    run(&server(), "wire/signatures.py");
}

#[test]
fn every_bad_request_gets_its_protocols_own_error() {
    run(&server(), "wire/shapes.py");
}

#[test]
fn connections_are_kept_pipelined_and_closed_as_http_says() {
    run(&server(), "wire/connections.py");
}

#[test]
fn sigterm_ends_the_server_with_0_whatever_connections_are_open() {
    let mut world = server();
    let address = world.server.endpoint().replace("http://", "");
    let sent = ["", "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"];
    let mut connections: Vec<TcpStream> = sent
        .iter()
        .map(|sent| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(sent.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut answer = [0; 12];
    connections.last_mut().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let status = world.server.terminate().unwrap();
    assert_eq!(status.code(), Some(0), "{}", world.server.log());
    assert!(TcpStream::connect(&address).is_err());
}
