import OperatorText
import TestVectors
import Testing

@testable import Broker

@Suite("TLS alerts in words")
struct TLSAlertTests {
    /// As libmosquitto logs OpenSSL's errors.
    private func fault(_ alert: Int) -> BrokerFault {
        let reason = String(1_000 + alert, radix: 16, uppercase: true)
        let digits = String(repeating: "0", count: 3 - reason.count) + reason
        return .tls(logged: "OpenSSL Error[0]: error:0A000\(digits):SSL routines::some words")
    }

    @Test("every alert has a sentence of its own, what to check, and its number", arguments: 1...255)
    func every(alert: Int) {
        let fault = fault(alert)
        #expect(OperatorTextRules.broken(by: fault) == [])
        #expect(fault.message.hasSuffix(" (TLS alert \(alert))"), "\(fault.message)")
        #expect(fault == .certificateRefused(alert: alert) || fault == .alert(alert))
    }

    @Test("those that RFC 8446 and RFC 5246 name are known, and their sentences differ")
    func known() {
        let named = [10, 20, 21, 22, 30, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 60, 70, 71, 80, 86, 90, 100]
        let all = named + Array(109...116) + [120]
        #expect(Set(TLSAlert.all.keys) == Set(all))
        #expect(Set(TLSAlert.all.values.map(\.meaning)).count == all.count)
        #expect(TLSAlert.all.values.allSatisfy { $0.meaning != TLSAlert.numbered(200).meaning })
    }

    @Test("only some are about our certificate: not an illegal parameter, and not a fault of the broker's")
    func ours() {
        let ours = TLSAlert.all.filter(\.value.isAboutOurCertificate).keys
        #expect(Set(ours) == [41, 42, 43, 44, 45, 46, 48, 49, 111, 113, 114, 116])
    }

    @Test(
        "those that a certificate can cause say what to check",
        arguments: [
            (42, "weak key", "compare the clocks"), (43, "not for TLS clients", "clientAuth"),
            (44, "has been revoked", "new certificate"), (45, "revocation list", "crlfile"),
            (46, "a reason that the alert does not give", "broker's log"), (48, "does not know the CA", "cafile"),
            (49, "not let in", "let this certificate in"), (51, "did not verify", "of the same name"),
            (116, "has received none", "[broker] certificate"), (70, "TLS versions", "1.2 or later"),
            (112, "the name by which it was called", "[broker] address"), (40, "no TLS settings in common", "ciphers"),
            (71, "stronger", "ciphers"), (80, "fault of its own", "log"),
            (47, "not about our certificate", "libraries"),
        ])
    func words(alert: Int, message: String, hint: String) {
        #expect(fault(alert).message.contains(message))
        #expect(fault(alert).hint(for: .beacon).contains(hint))
    }
}
