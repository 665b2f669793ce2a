import OperatorText
import TestVectors
import Testing

@testable import Broker

@Suite("Faults of a broker")
struct BrokerFaultTests {
    private static let logged = "OpenSSL Error[0]: error:0A000"

    @Test(
        "any other TLS error is reported in OpenSSL's words",
        arguments: [
            ("OpenSSL Error[0]: error:0A00010B:SSL routines::wrong version number", "wrong version number"),
            (
                "OpenSSL Error[0]: error:0A0004E8:SSL routines::a reason behind those of alerts",
                "a reason behind those of alerts"
            ),
            ("no colons at all", "no colons at all"), ("", ""),
        ])
    func others(line: String, words: String) { #expect(BrokerFault.tls(logged: line) == .tls(words)) }

    @Test("a connection that ends without close_notify is reported as closed, not as a TLS fault")
    func unexpectedEnd() {
        let line = "OpenSSL Error[0]: error:0A000126:SSL routines::unexpected eof while reading"
        #expect(BrokerFault.tls(logged: line, wasConnected: true) == .closed)
        #expect(BrokerFault.tls(logged: line) == .tls("unexpected eof while reading"))
    }

    static let all: [BrokerFault] =
        [
            .unknownHost("b"), .unreachable("why"), .certificateRefused(alert: 48), .alert(40), .tls("why"),
            .subscriptionRefused("SRUP/b1"), .subscriptionLowered("SRUP/b1"), .closedAtSubscribing("SRUP/b1"), .closed,
            .leftToReturn, .closedAgainAndAgain(clientID: "b1"), .silent, .unacknowledged(seconds: 10),
            .notKept, .excessive, .badFile("/f", .other("why")),
        ] + (0...6).map { .refused(code: $0) }
        + [
            .notRegular, .notAuthority("CN = a"), .order(place: 2), .otherKey, .weak, .unreadable(2), .unreadable(13),
            .passphrase,
            .notPrivate("PUBLIC KEY"),
        ].map { .badFile("/f", $0) }
        + (1...94).flatMap { code in
            [.broker, .authority(1), .anchor].map { .untrusted(CertificateFault(code: code, holder: $0)) }
        }

    @Test("every fault has a message and a hint that keep the rules for texts", arguments: all)
    func texts(fault: BrokerFault) { #expect(OperatorTextRules.broken(by: fault) == []) }

    @Test("the table of faults has every case")
    func cases() {
        // A new case does not build until it is counted here, and then the table lacks it.
        let numbers = BrokerFaultTests.all.map { fault in
            switch fault {
            case .unknownHost: 0
            case .unreachable: 1
            case .untrusted: 2
            case .certificateRefused: 3
            case .tls: 4
            case .refused: 5
            case .subscriptionRefused: 6
            case .closed: 7
            case .leftToReturn: 8
            case .closedAgainAndAgain: 9
            case .silent: 10
            case .notKept: 11
            case .excessive: 12
            case .badFile: 13
            case .subscriptionLowered: 14
            case .closedAtSubscribing: 15
            case .alert: 16
            case .unacknowledged: 17
            }
        }
        #expect(Set(numbers) == Set(0...17))
    }

    @Test("a hint names the setting as the program does that prints it")
    func settings() {
        // X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        for (fault, key, option) in [
            (.unknownHost("b"), "[broker] address", "--broker"), (.unreachable("why"), "[broker] address", "--broker"),
            (.untrusted(CertificateFault(code: 62)), "[broker] address", "--broker"),
            (.untrusted(CertificateFault(code: 20)), "[broker] ca", "--ca"),
            (.badFile("/f", .notAuthority("CN = a")), "[broker] ca", "--ca"),
            (.certificateRefused(alert: 48), "[broker] certificate", "--cert"),
            (.refused(code: 2), "[broker] client-id", "--id"),
        ] as [(BrokerFault, String, String)] {
            #expect(fault.hint(for: .beacon).contains(key))
            #expect(fault.hint(for: .bench).contains(option) && !fault.hint(for: .bench).contains("["))
        }
    }

    @Test("an expired, a not yet valid and a mismatched certificate have hints of their own")
    func certificates() {
        // X509_V_ERR_CERT_HAS_EXPIRED, …_NOT_YET_VALID, …_HOSTNAME_MISMATCH, …_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        let hints = [10, 9, 62, 20].map { BrokerFault.untrusted(CertificateFault(code: $0)).hint(for: .beacon) }
        #expect(Set(hints).count == hints.count)
    }

    @Test("a broker's address is written as it is read")
    func addresses() {
        #expect(BrokerAddress(host: "localhost", port: 1).description == "localhost:1")
        #expect(BrokerAddress(host: "::1", port: 8_883).description == "[::1]:8883")
    }
}
