/// Why a picture could not be made: all of them can be drawn without a library but for PNG files and QR codes.
public enum LibraryFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The library is not installed; it comes with this Debian package.
    case missing(package: String)
    /// It is there and does not do it: memory is short.
    case failed(package: String)

    /// What is wrong: lower case, no full stop.
    public var description: String {
        switch self {
        case .missing(let package): "\(package) is not installed"
        case .failed(let package): "\(package) fails: is there memory left?"
        }
    }
}
