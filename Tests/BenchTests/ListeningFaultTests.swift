import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Bench

@Suite("A service that cannot listen")
struct ListeningFaultTests {
    @Test(
        "says why, and what to do about it",
        arguments: [
            (EACCES, "may not use a port below 1024", "CAP_NET_BIND_SERVICE"),
            (EADDRINUSE, "another program listens there", "ss -ltnp sport = :443"),
            (EADDRNOTAVAIL, "this machine does not have that address", "--bind"),
            (EMFILE, "may not open more files", "ulimit -n"), (EINVAL, "Invalid argument", "--port or --bind"),
        ])
    func causes(number: Int32, message: String, hint: String) {
        let fault = OperatorFault.cannotListen(
            on: "127.0.0.1", port: 443, number, words: "bind", option: "--port", addressOption: "--bind")
        #expect(fault.message.hasPrefix("cannot listen on 127.0.0.1 port 443: ") && fault.message.contains(message))
        #expect(fault.hint(for: .bench).contains(hint))
        #expect(OperatorTextRules.broken(by: fault) == [])
    }

    @Test("says what is known where the system gives no number")
    func words() {
        let fault = OperatorFault.cannotListen(on: "::1", port: 80, nil, words: "why", option: "--web")
        #expect(fault.message == "cannot listen on ::1 port 80: why")
        #expect(fault.hint(for: .bench) == "choose another --web")
    }
}
