import Bluetooth
import OperatorText

extension Setting {
    /// A URL that fits into an advertisement and holds no secret, since everybody nearby receives it.
    func eddystoneURLOrOff() throws(BadSetting) -> EddystoneURL? {
        if value == "off" { return nil }
        guard value.hasPrefix("https://") else { throw bad("off, or an address that begins with https://") }
        // A code's fingerprint or token, a query, a password.
        guard !value.contains(where: { "#?@".contains($0) }) else {
            throw BadSetting(
                message: "\(name) is not an address alone: everybody nearby receives it",
                hint: "wanted: https://host[:port][/path] without #, ? and @; a token and a CA belong into a QR code")
        }
        let host = value.dropFirst("https://".count).prefix { $0 != "/" }
        guard (try? HostAndPort(host, defaultPort: 443)) != nil else {
            throw bad("off, or https://host[:port][/path]")
        }
        do throws(EddystoneURL.Fault) { return try EddystoneURL(value) } catch {
            switch error {
            case .scheme, .characters: throw bad("off, or https://host[:port][/path] in printable ASCII")
            case .tooLong(let bytes):
                throw BadSetting(
                    message:
                        "\(name) is \"\(value)\", which is too long: an advertisement has room for \(EddystoneURL.maximumLength) bytes behind https:// or https://www., and it takes \(bytes)",
                    hint:
                        "shorten it: give the registry a shorter name, or port 443; .com, .org, .net and the like take one byte"
                )
            }
        }
    }
}
