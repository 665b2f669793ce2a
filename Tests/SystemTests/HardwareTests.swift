import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A beacon whose key is in hardware", .blocking, .serialized)
struct HardwareTests {
    @Test("made by a TPM at the enrolment, it joins, observes, and goes on after a restart")
    func tpm() throws {
        let tpm = try SoftTPM()
        let site = try Site(enrolling: ["--key", "tpm"], environment: tpm.environment)
        let file = try String(contentsOfFile: site.keys + "/identity.key.pem", encoding: .utf8)
        #expect(file.hasPrefix("-----BEGIN TSS2 PRIVATE KEY-----"))
        let server = try site.startServer()
        try site.startBeacon()
        try site.enrolDevice()
        for _ in 0..<2 {
            let joined = try site.join()
            #expect(joined.status == 0, "\(joined.text)\(server.said)\(site.beaconLog)")
            #expect(site.stopBeacon() == 0)
            try site.startBeacon()
        }
        #expect(try site.verb(["doctor", "--no-visit"]).text.contains("wrapped by the TPM"))
        #expect(site.stopBeacon() == 0)
        tpm.vanish()
        let check = try site.verb(["run", "--check"])
        #expect(check.status == 1)
        #expect(check.text.contains("hint: "), "\(check.text)")
    }

    @Test(
        "taken away while it runs, it ends with a sentence and has said nothing; with the TPM there again it goes on")
    func goneWhileItRuns() throws {
        let tpm = try SoftTPM()
        let site = try Site(enrolling: ["--key", "tpm"], environment: tpm.environment)
        let server = try site.startServer()
        try site.startBeacon()
        try site.enrolDevice()
        tpm.vanish()
        let lost = try site.join()
        #expect(lost.status != 0, "\(lost.text)")
        try eventually("the beacon has ended: \(site.beaconLog)") { site.beacon?.isRunning == false }
        #expect(site.beaconLog.contains("the identity key does not open any more: it is wrapped by the TPM; hint: "))
        #expect(!server.said.contains("verdict of"), "nothing is said that the key has not signed")
        try tpm.comeBack()
        try site.startBeacon()
        let joined = try site.join()
        #expect(joined.status == 0, "\(joined.text)\(server.said)\(site.beaconLog)")
    }

    @Test("rotated from its file into a TPM it is the same beacon")
    func rotatedIntoTPM() throws {
        let tpm = try SoftTPM()
        let site = try Site(environment: tpm.environment)
        let server = try site.startServer()
        try site.startBeacon()
        try site.enrolDevice()
        let rotated = try site.verb(["rotate", "--key", "tpm"])
        #expect(rotated.status == 0, "\(rotated.text)")
        #expect(rotated.text.contains("wrapped by the TPM"))
        let joined = try site.join()
        #expect(joined.status == 0, "\(joined.text)\(server.said)\(site.beaconLog)")
    }

    @Test(
        "taken from a PKCS#11 token, it joins and observes; a wrong PIN, and a token that has gone, are said without the PIN"
    )
    func token() throws {
        let token = try SoftToken()
        let folder = FileManager.default.temporaryDirectory.appending(path: "srup-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Network.run("/usr/bin/openssl", ["genrsa", "-out", folder + "/key.pem", "2048"])
        let uri = try token.take(keyFile: folder + "/key.pem", as: "identity")
        try SoftToken.pin.writePrivately(to: folder + "/pin")
        try "\(uri)?pin-source=\(folder)/pin\n".writePrivately(to: folder + "/line")
        let site = try Site(enrolling: ["--key", folder + "/line"], environment: token.environment)
        let server = try site.startServer()
        try site.startBeacon()
        try site.enrolDevice()
        let joined = try site.join()
        #expect(joined.status == 0, "\(joined.text)\(server.said)\(site.beaconLog)")
        #expect(try site.verb(["doctor", "--no-visit"]).text.contains("in a PKCS#11 token"))
        #expect(try site.verb(["rotate"]).text.contains("where none can be made by this command"))
        #expect(site.stopBeacon() == 0)

        try "\(uri)?pin-value=77777\n".writePrivately(to: site.keys + "/identity.key.pem")
        let check = try site.verb(["run", "--check"])
        #expect(check.status == 78, "the unit does not try a PIN again that was wrong")
        #expect(check.text.contains("in a PKCS#11 token could not be loaded: PIN incorrect"), "\(check.text)")
        #expect(check.text.contains("hint: ") && !check.text.contains("77777"), "\(check.text)")
        let text = try String(contentsOfFile: site.configuration, encoding: .utf8)
        try text.replacing("key = \(site.keys)/identity.key.pem", with: "key = \(uri)?pin-value=77777")
            .write(toFile: site.configuration, atomically: true, encoding: .utf8)
        let misplaced = try site.verb(["run", "--check"])
        #expect(misplaced.text.contains("[beacon] key is not the path of a file"), "\(misplaced.text)")
        #expect(!misplaced.text.contains("77777"))
        try text.write(toFile: site.configuration, atomically: true, encoding: .utf8)
        token.vanish()
        #expect(try site.verb(["run", "--check"]).status != 0)
        #expect(!site.beaconLog.contains(SoftToken.pin))
    }
}
