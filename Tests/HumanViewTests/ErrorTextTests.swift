import HumanView
import OperatorText
import TestVectors
import Testing

@Suite("What is said about a missing library")
struct ErrorTextTests {
    @Test("has a message and a hint that keep the rules for texts")
    func libraries() {
        let faults: [LibraryFault] = [.missing(package: "libpng16-16"), .failed(package: "libpng16-16")]
        // A new case does not build until it is counted here, and then the table lacks it.
        let numbers = faults.map { fault in
            switch fault {
            case .missing: 0
            case .failed: 1
            }
        }
        #expect(numbers == Array(0...1))
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
        #expect(faults[0].hint(for: .bench) == "run: apt-get install libpng16-16")
    }
}
