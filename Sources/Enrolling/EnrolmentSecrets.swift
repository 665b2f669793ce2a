import Files
import Glibc
import Keys
import OperatorText

// What a request takes from files and from the environment: the service's CAs, and the token.
extension EnrolmentRequest {
    /// The CAs in the operator's file.
    func readAuthority() throws(OperatorFault) -> [UInt8]? {
        guard let authority else { return nil }
        if let open = OpenPlace.first(onTheWayTo: authority) {
            throw OperatorFault(
                "the CA file \(authority) can be changed by others: \(open.path) \(open.fault)", hint: open.remedy)
        }
        let bytes: [UInt8]
        do throws(FileError) { bytes = try File.read(authority, isFollowing: true) } catch {
            throw OperatorFault(
                "the CA file \(authority) cannot be read: \(error)",
                hint: error == .tooLong(limit: File.smallLength)
                    ? "give --ca the certificate of the CA that signed the service's alone, not all CAs of a system"
                    : "let this user read it, and enter the folders above it: ls -ld \(authority)")
        }
        guard (try? Certificate(pem: bytes)) != nil else {
            throw OperatorFault(
                "\(authority) holds no CA certificate in PEM",
                hint: "give --ca the certificate of the CA that signed the service's, or the whole chain")
        }
        return bytes
    }

    /// From a code, a file, standard input, or the environment: never from the command line, which others on this machine see.
    func readToken(besides code: RegistrationCode) throws(OperatorFault) -> String? {
        guard let token else {
            if let token = code.token { return token }
            guard let given = getenv(tokenVariable) else { return nil }
            return try EnrolmentRequest.token(Array(String(cString: given).utf8))
        }
        guard code.token == nil else {
            throw OperatorFault("there is a token in the code, and another one in --token", hint: "leave --token out")
        }
        return try EnrolmentRequest.readToken(token)
    }

    /// The token in a file.
    /// - Parameter path: `-`: standard input.
    /// - Throws: `OperatorFault`, which does not repeat it.
    public static func readToken(_ path: String) throws(OperatorFault) -> String {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try File.readInput(path, atMost: File.smallLength) } catch {
            throw OperatorFault(
                "the token in \(path == "-" ? "standard input" : path) cannot be read: \(error)",
                hint: "give --token a file that this user can read, or - for standard input")
        }
        return try token(bytes)
    }

    private static func token(_ bytes: [UInt8]) throws(OperatorFault) -> String {
        var text = bytes
        while let last = text.last, last == 0x0A || last == 0x0D || last == 0x20 { text.removeLast() }
        guard (1...4_096).contains(text.count), text.isVisibleASCII else {
            throw OperatorFault(
                "the token is not one line of 1 to 4096 printable characters",
                hint: "get it again from the operator of the service")
        }
        return String(decoding: text, as: UTF8.self)
    }
}
