import Files
import SRUP

/// A small file beside the identity key that says that this identity has been in use. A journal that is missing beside it was lost: a
/// server may have sent this beacon messages that could be replayed to it.
///
/// Sequence ids do not depend on it. A backup that was made before the first start does not have it, and neither does a key that is a
/// credential.
struct UsedMark {
    private let path: String
    private let identity: Identifier

    init(_ configuration: Configuration) {
        (path, identity) = (configuration.keyFile + ".used", configuration.identity)
    }

    /// A mark that another identity has left under the same name says nothing of this one.
    var isThere: Bool { (try? File.read(path, atMost: 64)).map { $0 == text } ?? false }

    func leave() {
        guard !isThere else { return }
        try? File.replace(path, with: text)
    }

    private var text: [UInt8] { Array("\(identity)\n".utf8) }
}
