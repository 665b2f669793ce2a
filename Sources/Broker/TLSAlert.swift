import OperatorText

/// An alert with which the broker ended TLS, in words (RFC 8446, section 6.2; RFC 5246, section 7.2.2; IANA, "TLS Alerts").
struct TLSAlert: Sendable {
    /// What it says of us or of the broker: one line, lower case.
    let meaning: String
    /// What to check.
    let check: @Sendable (SettingNames) -> String
    /// Whether it is about our certificate.
    let isAboutOurCertificate: Bool

    private init(
        _ meaning: String, ofOurCertificate isAboutOurCertificate: Bool = false,
        check: @escaping @Sendable (SettingNames) -> String
    ) {
        (self.meaning, self.isAboutOurCertificate, self.check) = (meaning, isAboutOurCertificate, check)
    }

    /// The alert of that number, or one that says that we do not know it.
    static func numbered(_ number: Int) -> TLSAlert { all[number] ?? unknown }

    private static let unknown = TLSAlert("the broker's reason is not known to this version") { _ in
        "read the broker's log, and look the number up under \"TLS Alerts\" at IANA"
    }

    /// Alerts about our certificate, about what both ends can agree on, and about a peer or a network that changes bytes. What OpenSSL
    /// makes of which fault of a certificate is in its `ssl_x509err2alert`.
    static let all: [Int: TLSAlert] = [
        10: damaged("the broker received a TLS message that it did not expect"),
        20: damaged("the broker received a record that was damaged on its way"),
        21: damaged("the broker could not decrypt what it received"),
        22: damaged("the broker received a record that is too long"),
        30: damaged("the broker could not decompress what it received"),
        40: TLSAlert("the broker and this beacon have no TLS settings in common, or it wants another certificate") {
            names in
            "read the broker's log; check which TLS versions, ciphers and kinds of keys it allows, and \(names.brokerCertificate)"
        },
        41: certificate("it has received none") { names in
            "check that \(names.brokerCertificate) names our certificate"
        },
        42: certificate("it is faulty, not valid yet, or has a weak key or digest") { names in
            "read the broker's log; compare the clocks of both machines, and see: openssl x509 -text -in FILE, with the file of "
                + names.brokerCertificate
        },
        43: certificate("it is of a kind that the broker does not take, or not for TLS clients") { names in
            "have \(names.brokerCertificate) issued with extendedKeyUsage = clientAuth"
        },
        44: certificate("it has been revoked") { names in
            "get a new certificate for \(names.brokerCertificate); if it should not be revoked, ask the operator of its CA"
        },
        45: certificate("it has expired, or the broker's revocation list has") { names in
            "renew \(names.brokerCertificate); if it is still valid, have the broker's operator renew its revocation list (mosquitto: "
                + "crlfile) and check the broker's clock"
        },
        46: certificate("for a reason that the alert does not give") { _ in "read the broker's log" },
        47: TLSAlert("the broker received a TLS parameter out of range; this is not about our certificate") { _ in
            "check that both ends have current TLS libraries; read the broker's log"
        },
        48: certificate("the broker does not know the CA that issued it, or has no revocation list of that CA") {
            names in
            "check that \(names.brokerCertificate) is signed by the CA of the broker's cafile, with the CA certificates between them in the "
                + "same file"
        },
        49: certificate("it is valid, and not let in") { _ in "have the broker's operator let this certificate in" },
        50: damaged("the broker could not decode a TLS message"),
        51: TLSAlert(
            "a signature did not verify: our certificate's, our key's, or the one of the broker's revocation list"
        ) { names in
            "check that \(names.brokerCertificate) comes from the CA that the broker has now, not from an earlier one of the same name"
        },
        60: damaged("the broker refuses an export cipher"),
        70: TLSAlert("the broker does not speak the TLS versions of this beacon, 1.2 and 1.3") { _ in
            "let the broker use TLS 1.2 or later (mosquitto: tls_version)"
        },
        71: TLSAlert("the broker wants stronger ciphers or keys than were offered") { names in
            "check which ciphers the broker allows, and how long the key of \(names.brokerCertificate) is"
        },
        80: TLSAlert("the broker met a fault of its own") { _ in
            "read the broker's log; restart it if that says no more"
        },
        86: TLSAlert("the broker refuses a connection that was tried with an older TLS version") { _ in
            "look for a proxy between here and the broker that changes TLS versions"
        },
        90: TLSAlert("the broker cancelled the handshake") { _ in "read the broker's log" },
        100: TLSAlert("the broker does not negotiate again") { _ in "read the broker's log" },
        109: TLSAlert("the broker misses a TLS extension") { _ in "check that both ends have current TLS libraries" },
        110: TLSAlert("the broker received a TLS extension that it did not ask for") { _ in
            "check that both ends have current TLS libraries"
        },
        111: certificate("the broker could not fetch it") { _ in "read the broker's log" },
        112: TLSAlert("the broker has no certificate for the name by which it was called") { names in
            "write the name that the broker has a certificate for into \(names.brokerAddress)"
        },
        113: certificate("its OCSP response is not accepted") { _ in "read the broker's log" },
        114: certificate("its hash is not the one that was given") { _ in "read the broker's log" },
        115: TLSAlert("the broker wants a pre-shared key, which is not used here") { _ in
            "give the broker a listener with certificates (mosquitto: certfile, keyfile, cafile), and its port in the address"
        },
        116: certificate("it wants one, and has received none") { names in
            "check that \(names.brokerCertificate) names our certificate"
        },
        120: TLSAlert("the broker does not offer MQTT under the names of TLS (ALPN)") { names in
            "use the port for MQTT over TLS in \(names.brokerAddress), usually 8883"
        },
    ]

    private static func certificate(
        _ meaning: String, check: @escaping @Sendable (SettingNames) -> String
    ) -> TLSAlert { TLSAlert(meaning, ofOurCertificate: true, check: check) }

    private static func damaged(_ meaning: String) -> TLSAlert {
        TLSAlert(meaning) { names in
            "check that \(names.brokerAddress) is the port for MQTT over TLS, and that no proxy or firewall changes the connection"
        }
    }
}
