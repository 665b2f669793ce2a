import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A beacon whose key is in hardware", .blocking, .serialized)
struct HardwareTests {
    @Test("made by a TPM at the enrolment, it joins, observes, and continues after a restart")
    func tpm() throws {
        let tpm = try SoftTPM()
        let system = try SystemFixture(enrolling: ["--key", "tpm"], environment: tpm.environment)
        let file = try String(contentsOfFile: system.keys + "/identity.key.pem", encoding: .utf8)
        #expect(file.hasPrefix("-----BEGIN TSS2 PRIVATE KEY-----"))
        let server = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        for _ in 0..<2 {
            let joined = try system.join()
            #expect(joined.status == 0, "\(joined.text)\(server.said)\(system.beaconLog)")
            #expect(system.stopBeacon() == 0)
            try system.startBeacon()
        }
        #expect(try system.verb(["doctor", "--no-visit", "--all"]).text.contains("wrapped by the TPM"))
        #expect(system.stopBeacon() == 0)
        tpm.vanish()
        let check = try system.verb(["run", "--check"])
        #expect(check.status == 1)
        #expect(check.text.contains("hint: "), "\(check.text)")
    }

    @Test(
        "removed while it runs, it ends with a reason and sends nothing unsigned; with the TPM back it continues")
    func goneWhileItRuns() throws {
        let tpm = try SoftTPM()
        let system = try SystemFixture(enrolling: ["--key", "tpm"], environment: tpm.environment)
        let server = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        tpm.vanish()
        let lost = try system.join()
        #expect(lost.status != 0, "\(lost.text)")
        try eventually("the beacon has ended: \(system.beaconLog)") { system.beacon?.isRunning == false }
        #expect(system.beaconLog.contains("the identity key can no longer open: it is wrapped by the TPM; hint: "))
        #expect(!server.said.contains("verdict of"), "nothing is sent that the key has not signed")
        try tpm.comeBack()
        try system.startBeacon()
        let joined = try system.join()
        #expect(joined.status == 0, "\(joined.text)\(server.said)\(system.beaconLog)")
    }

    @Test("rotated from its file into a TPM it is the same beacon")
    func rotatedIntoTPM() throws {
        let tpm = try SoftTPM()
        let system = try SystemFixture(environment: tpm.environment)
        let server = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        let rotated = try system.verb(["rotate", "--key", "tpm"])
        #expect(rotated.status == 0, "\(rotated.text)")
        #expect(rotated.text.contains("wrapped by the TPM"))
        let joined = try system.join()
        #expect(joined.status == 0, "\(joined.text)\(server.said)\(system.beaconLog)")
    }

    @Test(
        "with a key in a PKCS#11 token, it joins and observes; a wrong PIN and a missing token are reported without the PIN"
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
        let system = try SystemFixture(enrolling: ["--key", folder + "/line"], environment: token.environment)
        let server = try system.startServer()
        try system.startBeacon()
        try system.enrolDevice()
        let joined = try system.join()
        #expect(joined.status == 0, "\(joined.text)\(server.said)\(system.beaconLog)")
        #expect(try system.verb(["doctor", "--no-visit", "--all"]).text.contains("in a PKCS#11 token"))
        #expect(try system.verb(["rotate"]).text.contains("where none can be made by this command"))
        #expect(system.stopBeacon() == 0)

        try "\(uri)?pin-value=77777\n".writePrivately(to: system.keys + "/identity.key.pem")
        let check = try system.verb(["run", "--check"])
        #expect(check.status == 78, "the unit does not try a wrong PIN again")
        #expect(check.text.contains("does not accept the PIN: PIN incorrect"), "\(check.text)")
        #expect(check.text.contains("hint: ") && !check.text.contains("77777"), "\(check.text)")
        let text = try String(contentsOfFile: system.configuration, encoding: .utf8)
        try text.replacing("key = \(system.keys)/identity.key.pem", with: "key = \(uri)?pin-value=77777")
            .write(toFile: system.configuration, atomically: true, encoding: .utf8)
        let misplaced = try system.verb(["run", "--check"])
        #expect(misplaced.text.contains("[beacon] key is not the path of a file"), "\(misplaced.text)")
        #expect(!misplaced.text.contains("77777"))
        try text.write(toFile: system.configuration, atomically: true, encoding: .utf8)

        try "\(uri)?pin-source=\(folder)/none\n".writePrivately(to: system.keys + "/identity.key.pem")
        let noPIN = try system.verb(["run", "--check"])
        #expect(noPIN.status == 1 && noPIN.text.contains("the PIN file \(folder)/none does not exist"), "\(noPIN.text)")

        // A token that is away for a moment comes back: the unit goes on trying, as with a TPM.
        try "\(uri)?pin-source=\(folder)/pin\n".writePrivately(to: system.keys + "/identity.key.pem")
        let serial = try token.serial()
        try token.addTwin()
        let twins = try system.verb(["run", "--check"])
        #expect(twins.status == 1 && twins.text.contains("two tokens have the label"), "\(twins.text)")
        let one = uri.replacing("token=gate", with: "token=gate;serial=\(serial)")
        try "\(one)?pin-source=\(folder)/pin\n".writePrivately(to: system.keys + "/identity.key.pem")
        let named = try system.verb(["run", "--check"])
        #expect(named.status == 0, "\(named.text)")
        try token.pullOut()
        let away = try system.verb(["run", "--check"])
        #expect(away.status == 1 && away.text.contains("no token has it"), "\(away.text)")
        #expect(!system.beaconLog.contains(SoftToken.pin))
    }
}
