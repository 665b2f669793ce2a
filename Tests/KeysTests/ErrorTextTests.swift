import Keys
import OperatorText
import TestVectors
import Testing

@Suite("What is said about keys")
struct ErrorTextTests {
    @Test("a key file's error names the file, and keeps the rules for texts")
    func keyFiles() {
        let path = "keys/own.pem"
        let faults: [KeyError] = [
            .missing(path: path), .unreadable(path: path, why: "Input/output error"), .notAFile(path: path),
            .exposed(path: path, mode: 0o640), .foreignOwner(path: path, owner: 1_000), .tooLong(path: path),
            .notAKey(path: path), .notRSA(path: path), .wrongSize(path: path, bits: 1_024),
            .noWay(path: path, home: .token, why: "no such engine"), .refused(path: path, home: .tpm, why: "no key"),
            .uselessHardwareKey(path: path, signs: true, opens: false), .badLine(path: path, why: "it has two lines"),
            .wrongExponent(path: path), .notInToken(path: path), .pinRefused(path: path, why: "PIN incorrect"),
            .pinFile(.missing(path: "keys/pin"), of: path), .emptyPIN(path: path),
            .notThisTPM(path: path, home: .wrapped, why: "integrity check failed"),
            .otherContent(path: path, found: .publicKey, wantsPrivate: true),
        ]
        // A new case does not build until it is counted here, and then the table lacks it.
        let numbers = faults.map { fault in
            switch fault {
            case .missing: 0
            case .unreadable: 1
            case .notAFile: 2
            case .exposed: 3
            case .foreignOwner: 4
            case .tooLong: 5
            case .notAKey: 6
            case .notRSA: 7
            case .wrongSize: 8
            case .noWay: 9
            case .refused: 10
            case .uselessHardwareKey: 11
            case .badLine: 12
            case .wrongExponent: 13
            case .notInToken: 14
            case .pinRefused: 15
            case .pinFile: 16
            case .emptyPIN: 17
            case .notThisTPM: 18
            case .otherContent: 19
            }
        }
        #expect(numbers == Array(0...19))
        #expect(Set(faults.map(\.message)).count == faults.count)
        for fault in faults {
            #expect(fault.message.contains(path))
            #expect(OperatorTextRules.broken(by: fault) == [])
        }
        #expect(KeyError.exposed(path: path, mode: 0o640).message.contains("mode 0640"))
        #expect(KeyError.wrongSize(path: path, bits: 1_024).message.contains("1024 bits"))
    }

    @Test("a PIN file that cannot be used is not called a key, and only a refused PIN must not be tried again")
    func pinFiles() {
        let (path, pin) = ("keys/own.pem", "keys/pin")
        let faults: [KeyError] = [
            .missing(path: pin), .unreadable(path: pin, why: "Input/output error"), .notAFile(path: pin),
            .exposed(path: pin, mode: 0o640), .foreignOwner(path: pin, owner: 1_000), .tooLong(path: pin),
            .emptyPIN(path: pin),
        ]
        for fault in faults.map({ KeyError.pinFile($0, of: path) }) {
            #expect(!fault.message.contains("key file") && !fault.message.contains("private key"), "\(fault.message)")
            #expect(fault.message.hasSuffix("; \(path) names it"))
            #expect(!fault.hint(for: .beacon).contains("the key"), "\(fault.hint(for: .beacon))")
            #expect(OperatorTextRules.broken(by: fault) == [] && !fault.isNotToBeRepeated)
        }
        #expect(KeyError.pinRefused(path: path, why: "PIN locked").isNotToBeRepeated)
        #expect(!KeyError.notInToken(path: path).isNotToBeRepeated)
        #expect(!KeyError.refused(path: path, home: .token, why: "no slot").isNotToBeRepeated)
    }

    @Test("a missing key is named where its path is given: in the configuration, or on the command line")
    func missing() {
        let error = KeyError.missing(path: "own.pem")
        #expect(error.hint(for: .beacon).contains("correct the path in the configuration"))
        #expect(error.hint(for: .bench).contains("correct the path on the command line"))
    }

    @Test("an error of making a key keeps the rules for texts")
    func making() {
        let faults: [KeyMakingError] = [
            .size(bits: 1_024), .refused, .noTPM(why: "no such device"), .exists(path: "own.pem"),
            .unwritable(path: "own.pem", why: "Permission denied"),
        ]
        let numbers = faults.map { fault in
            switch fault {
            case .size: 0
            case .refused: 1
            case .noTPM: 2
            case .exists: 3
            case .unwritable: 4
            }
        }
        #expect(numbers == Array(0...4) && Set(faults.map(\.message)).count == faults.count)
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
    }

    @Test("an error of the certificate authority keeps them")
    func authority() {
        let faults: [CertificateAuthority.Fault] = [.refused, .keyDoesNotFit]
        let numbers = faults.map { fault in
            switch fault {
            case .refused: 0
            case .keyDoesNotFit: 1
            }
        }
        #expect(numbers == Array(0...1) && Set(faults.map(\.message)).count == faults.count)
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
    }
}
