import Fetching
import Files
import Glibc
import Keys
import OperatorText

// Where an enrolment's code comes from, and whom it lets trust.
extension EnrolmentRequest {
    /// Whether the operator has given the address itself.
    var isAddress: Bool { ["https://", "http://"].contains { address.lowercased().hasPrefix($0) } }

    /// Checks the address as far as that needs no reading.
    /// - Throws: `OperatorFault`.
    func checkAddress() throws(OperatorFault) {
        if isAddress { return _ = try givenAddress() }
        guard address == "-" else {
            guard access(address, F_OK) == 0 else {
                // What follows # may be a token.
                let open = address.prefix { $0 != "#" }
                throw OperatorFault(
                    "\(printable(open.utf8)): \(WebAddress.Fault.scheme.message), and there is no such file",
                    hint: "write https://host or https://host:port/path, or name a file with a registration code")
            }
            return
        }
        guard token != "-" else {
            throw OperatorFault(
                "the code and the token cannot both come from standard input", hint: "give --token a file")
        }
    }

    /// The code, wherever it is: an address alone is one.
    /// - Throws: `OperatorFault`.
    func readCode() throws(OperatorFault) -> RegistrationCode {
        if isAddress { return try givenAddress() }
        return try RegistrationCode(address == "-" ? try typedLine() : try CodeFile(address).text())
    }

    private func givenAddress() throws(OperatorFault) -> RegistrationCode {
        let open = address.prefix { $0 != "#" }
        do throws(WebAddress.Fault) { _ = try WebAddress(String(open)) } catch {
            throw OperatorFault("\(printable(open.utf8)): \(error.message)", hintOf: error)
        }
        let code = try RegistrationCode(address)
        guard code.token == nil else {
            throw OperatorFault(
                "this address holds a token, which other users of this machine can see on a command line",
                hint: "have it withdrawn (registry withdraw); give the next one with -, and the code on standard input")
        }
        return code
    }

    /// The first line of standard input: a person who pastes it need not end the input as well.
    private func typedLine() throws(OperatorFault) -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count <= RegistrationCode.maximumLength, read(STDIN_FILENO, &byte, 1) == 1, byte != 0x0A {
            line.append(byte)
        }
        return CodeFile.trimmed(line)
    }

    // MARK: - The CA that a code names

    /// The CAs that the service's certificate must lead to: the operator's; or, if the code names one, that one and no other. nil: those of
    /// an earlier run, or the system's.
    /// - Parameter kept: those of an earlier run, PEM.
    /// - Throws: `OperatorError`.
    func authority(of code: RegistrationCode, _ asking: RegistrationOptions, kept: [UInt8]?) throws -> [UInt8]? {
        let given = try readAuthority()
        guard let wanted = code.authority else { return given }
        if let given {
            guard let certificate = EnrolmentRequest.certificate(wanted, in: given) else {
                throw OperatorFault(
                    "the CA file \(authority ?? "") does not hold the CA that the code names",
                    hint: "leave --ca out, or get the code again from the operator of the service")
            }
            return certificate.pem
        }
        if let kept, let certificate = EnrolmentRequest.certificate(wanted, in: kept) { return certificate.pem }
        let client = try asking.client(for: code.address, authority: .unauthenticated)
        let found = try Registry(client, at: code.address).unauthenticatedAuthorities()
        guard let certificate = EnrolmentRequest.certificate(wanted, in: found), certificate.isAuthority else {
            throw OperatorFault(
                "the service at \(code.address) does not have the CA that the code names: its CA has changed, or this is another service",
                hint: "get a new code from the operator of the service, who makes it with srup-bench registry code")
        }
        return certificate.pem
    }

    private static func certificate(_ fingerprint: [UInt8], in pem: [UInt8]) -> Certificate? {
        (try? Certificate.all(pem: pem))?.first { $0.fingerprint == fingerprint }
    }
}

extension Registry {
    /// The CAs of the service, as anyone may have sent them: for one whose fingerprint is known. Only our own service gives them.
    /// - Throws: `OperatorFault`.
    fileprivate func unauthenticatedAuthorities() throws(OperatorFault) -> [UInt8] {
        let reply = try answer(.get("ca"), "ca")
        guard reply.status == 200 else {
            throw OperatorFault(
                "the registration service does not give its CA, which the code names (\(reply.status))",
                hint: "get the CA's certificate from the operator of the service, and give it with --ca")
        }
        return reply.body
    }
}
