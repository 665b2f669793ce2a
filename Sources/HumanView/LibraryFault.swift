import OperatorText

/// Why a picture could not be made: only PNG files and QR codes need a library.
public enum LibraryFault: OperatorError, Equatable {
    /// The library is not installed; it comes with this Debian package.
    case missing(package: String)
    /// The library failed: out of memory.
    case failed(package: String)

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .missing(let package): "\(package) is not installed"
        case .failed(let package): "\(package) failed: it may be out of memory"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .missing(let package): "run: apt-get install \(package)"
        case .failed: "try again, or choose another --form"
        }
    }
}
