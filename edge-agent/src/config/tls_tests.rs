//! `[mqtt.tls]`: what goes together, and what a build without TLS says.

use super::tests::told;

#[cfg(feature = "tls")]
#[test]
fn what_encryption_needs_is_asked_for() {
    let ca = "mqtt.tls.ca = \"/ca\"\n";
    for (source, key, needs) in [
        ("mqtt.tls.pin = \"".to_owned() + &"0a".repeat(32) + "\"", "mqtt.tls.pin", "`mqtt.tls.ca`"),
        ("mqtt.tls.alpn = \"mqtt\"".to_owned(), "mqtt.tls.alpn", "`mqtt.tls.ca`"),
        (format!("{ca}mqtt.tls.key = \"/key\""), "mqtt.tls.key", "`mqtt.tls.certificate`"),
        (format!("{ca}mqtt.tls.certificate = \"/own\""), "mqtt.tls.certificate", "`mqtt.tls.key`"),
    ] {
        let lines = told(&source);
        assert!(
            lines.len() == 1 && lines[0].contains(key) && lines[0].contains(needs),
            "{source}: {lines:?}"
        );
    }
}

#[cfg(feature = "tls")]
#[test]
fn an_encrypted_broker_may_be_anywhere() {
    let remote = "mqtt.brokers = [\"broker.example:8883\"]\n";
    assert_eq!(told(&format!("{remote}mqtt.tls.ca = \"/ca\"")), [""; 0]);
    assert_eq!(
        told(&format!("{remote}[mqtt.tls]\nca = \"/ca\"\ncertificate = \"/own\"\nkey = \"/key\"")),
        [""; 0]
    );
    let lines = told(&format!("{remote}mqtt.tls.ca = \"\""));
    assert!(lines[0].contains("set `mqtt.tls.ca`"), "{lines:?}");
}

#[test]
fn values_of_another_form_are_refused() {
    for source in [
        "mqtt.tls.ca = \"ca.pem\"",
        "mqtt.tls.pin = \"00\"",
        "mqtt.tls.server_name = \"a b\"",
        "mqtt.tls.alpn = \"more than thirty-two bytes of protocol\"",
    ] {
        let lines = told(source);
        assert!(lines.len() == 1 && lines[0].contains(": expected "), "{source}: {lines:?}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_says_so_and_nothing_else() {
    for source in [
        "mqtt.brokers = [\"broker.example:8883\"]\nmqtt.tls.ca = \"/ca\"",
        "mqtt.brokers = [\"broker.example:8883\"]\nmqtt.tls.key = \"/key\"",
    ] {
        let lines = told(source);
        assert!(lines.len() == 1 && lines[0].contains("built without TLS"), "{source}: {lines:?}");
    }
}
