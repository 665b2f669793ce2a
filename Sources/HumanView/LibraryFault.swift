/// Why a picture could not be made: only PNG files and QR codes need a library.
public enum LibraryFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The library is not installed; it comes with this Debian package.
    case missing(package: String)
    /// The library failed: out of memory.
    case failed(package: String)

    /// What is wrong: lower case, no full stop.
    public var description: String {
        switch self {
        case .missing(let package): "\(package) is not installed"
        case .failed(let package): "\(package) failed: it may be out of memory"
        }
    }
}
