import OperatorText
import TestVectors
import Testing

@Suite("An operator's error")
struct OperatorErrorTests {
    private struct Unreachable: OperatorError {
        var message: String { "nobody is at home" }

        func hint(for names: SettingNames) -> String { "correct \(names.brokerAddress), or \(names.brokerAuthority)" }
    }

    @Test("is two lines, with its settings as the program that prints it names them")
    func report() {
        let error = Unreachable()
        #expect(
            error.report(by: "srup-beacon", .beacon)
                == "srup-beacon: nobody is at home\nhint: correct [broker] address, or [broker] ca")
        #expect(
            error.report(by: "srup-bench", .bench) == "srup-bench: nobody is at home\nhint: correct --broker, or --ca")
    }

    @Test("ends the command with 1, unless it says otherwise")
    func status() {
        #expect(Unreachable().exitStatus == 1)
        #expect(OperatorFault("it is over", hint: "do not start it again").exitStatus == 1)
        #expect(OperatorFault("it is over", hint: "do not start it again", exitStatus: 78).exitStatus == 78)
        #expect(OperatorFault("it is over", hintOf: Unreachable(), exitStatus: 78).exitStatus == 78)
    }

    @Test("under another message keeps its hint, which still knows the program")
    func wrapped() {
        let fault = OperatorFault("the new certificate stays: \(Unreachable().message)", hintOf: Unreachable())
        let twice = OperatorFault("once more: \(fault.message)", hintOf: fault)
        #expect(twice.message == "once more: the new certificate stays: nobody is at home")
        #expect(twice.hint(for: .beacon) == Unreachable().hint(for: .beacon))
        #expect(twice.hint(for: .bench) == Unreachable().hint(for: .bench))
    }

    @Test("every setting has a name in both programs")
    func names() {
        for names in [SettingNames.beacon, .bench] {
            let all = Mirror(reflecting: names).children.compactMap { $0.value as? String }
            #expect(all.count == 8 && all.allSatisfy { !$0.isEmpty })
        }
    }

    @Test("that breaks the rules for its texts is found by the tests' own table of rules")
    func rules() {
        #expect(OperatorTextRules.broken(by: Unreachable()) == [])
        for (message, hint) in [
            ("Nobody is at home", "try again"), ("nobody is at home.", "try again later"), ("nobody is at home", ""),
            ("nobody\nis at home", "try again later"), ("nobody is at home", "Try again later"),
            ("try again", "try again"),
        ] {
            #expect(OperatorTextRules.broken(by: OperatorFault(message, hint: hint)) != [])
        }
    }
}
