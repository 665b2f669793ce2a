import CSystemBus
import OperatorText

/// A value in a message, as far as bluetoothd and we use it.
indirect enum BusValue: Equatable {
    case text(String)
    case path(String)
    case flag(Bool)
    case number(UInt32)
    case variant(BusValue)
    /// By names or paths.
    case dictionary([String: BusValue])
    /// Of a type that is not used here.
    case other

    /// The text, in a variant or not; nil if it is not one.
    var text: String? {
        switch self {
        case .text(let text), .path(let text): text
        case .variant(let value): value.text
        case .flag, .number, .dictionary, .other: nil
        }
    }

    /// The flag, in a variant or not; nil if it is not one.
    var flag: Bool? {
        switch self {
        case .flag(let flag): flag
        case .variant(let value): value.flag
        case .text, .path, .number, .dictionary, .other: nil
        }
    }

    /// A member of a dictionary, in a variant or not; nil if there is none.
    subscript(name: String) -> BusValue? {
        switch self {
        case .dictionary(let members): members[name]
        case .variant(let value): value[name]
        case .text, .path, .flag, .number, .other: nil
        }
    }
}

/// A message of sd-bus, to be sent or received.
final class BusMessage {
    /// What a message is.
    enum Kind: Equatable {
        case call
        case answer
        /// An error, in one line.
        case failure(String)
        case signal
        case unknown
    }

    let handle: OpaquePointer

    /// Takes over a reference.
    init(taking handle: OpaquePointer) { self.handle = handle }

    deinit { _ = csystembus_message_unref(handle) }

    // MARK: - Reading

    var kind: Kind {
        var type: UInt8 = 0
        csystembus_message_get_type(handle, &type)
        switch Int(type) {
        case CSYSTEMBUS_CALL: return .call
        case CSYSTEMBUS_ANSWER: return .answer
        case CSYSTEMBUS_FAILURE: return .failure(failureWords)
        case CSYSTEMBUS_SIGNAL: return .signal
        default: return .unknown
        }
    }

    var path: String { string(csystembus_message_get_path(handle)) }
    var sender: String { string(csystembus_message_get_sender(handle)) }
    /// The interface and the member, with a dot between.
    var member: String {
        string(csystembus_message_get_interface(handle)) + "." + string(csystembus_message_get_member(handle))
    }

    /// What the message carries. It can be read once.
    lazy var body: [BusValue] = {
        var values: [BusValue] = []
        while let value = read() { values.append(value) }
        return values
    }()

    /// Whether this is the answer to, or the failure of, the call with this cookie.
    func answers(_ cookie: UInt64) -> Bool {
        var answered: UInt64 = 0
        return csystembus_message_get_reply_cookie(handle, &answered) >= 0 && answered == cookie
    }

    /// The error's name and text; foreign text is shortened and kept to one line.
    private var failureWords: String {
        guard let error = csystembus_message_get_error(handle)?.pointee else { return "unknown" }
        let (name, text) = (string(error.name), string(error.message))
        let words = text.isEmpty ? name : "\(name): \(text)"
        return printable(words.utf8)
    }

    private func string(_ text: UnsafePointer<CChar>?) -> String { text.map { String(cString: $0) } ?? "" }

    /// nil at the end of what is being read.
    private func read() -> BusValue? {
        var type: CChar = 0
        var contents: UnsafePointer<CChar>?
        guard csystembus_message_peek_type(handle, &type, &contents) > 0 else { return nil }
        let inside = string(contents)
        switch UnicodeScalar(UInt8(bitPattern: type)) {
        case "s", "g": return readText(type).map(BusValue.text)
        case "o": return readText(type).map(BusValue.path)
        case "b":
            var value: Int32 = 0
            return csystembus_message_read_basic(handle, type, &value) > 0 ? .flag(value != 0) : nil
        case "u":
            var value: UInt32 = 0
            return csystembus_message_read_basic(handle, type, &value) > 0 ? .number(value) : nil
        case "v": return within(type, inside) { read() }.map(BusValue.variant)
        case "a" where inside.hasPrefix("{s") || inside.hasPrefix("{o"): return readDictionary(inside)
        default: return csystembus_message_skip(handle, nil) >= 0 ? .other : nil
        }
    }

    private func readText(_ type: CChar) -> String? {
        var text: UnsafePointer<CChar>?
        return csystembus_message_read_basic(handle, type, &text) > 0 ? string(text) : nil
    }

    private func readDictionary(_ contents: String) -> BusValue? {
        within(CChar(UInt8(ascii: "a")), contents) {
            var members: [String: BusValue] = [:]
            let entry = String(contents.dropFirst().dropLast())
            while let (name, value) = within(CChar(UInt8(ascii: "e")), entry, { (read(), read()) }) {
                if let name = name?.text { members[name] = value }
            }
            return .dictionary(members)
        }
    }

    /// nil if there is no such container (any more), or it has more in it than `body` reads.
    private func within<Value>(_ type: CChar, _ contents: String, _ body: () -> Value?) -> Value? {
        guard csystembus_message_enter_container(handle, type, contents) > 0 else { return nil }
        let value = body()
        return csystembus_message_exit_container(handle) >= 0 ? value : nil
    }

    // MARK: - Writing

    /// Appends one value; a dictionary's values are variants. Sending a message that could not be written fails.
    func append(_ value: BusValue) {
        switch value {
        case .text(let text): csystembus_message_append_basic(handle, CChar(UInt8(ascii: "s")), text)
        case .path(let path): csystembus_message_append_basic(handle, CChar(UInt8(ascii: "o")), path)
        case .flag(let flag):
            var number: Int32 = flag ? 1 : 0
            csystembus_message_append_basic(handle, CChar(UInt8(ascii: "b")), &number)
        case .number(var number): csystembus_message_append_basic(handle, CChar(UInt8(ascii: "u")), &number)
        case .variant(let value): enclose("v", value.signature) { append(value) }
        case .dictionary(let members):
            enclose("a", "{sv}") {
                for (name, value) in members {
                    enclose("e", "sv") {
                        append(.text(name))
                        append(.variant(value))
                    }
                }
            }
        case .other: preconditionFailure("a value of a type that is not written")
        }
    }

    private func enclose(_ type: UnicodeScalar, _ contents: String, _ body: () -> Void) {
        csystembus_message_open_container(handle, CChar(UInt8(ascii: type)), contents)
        body()
        csystembus_message_close_container(handle)
    }
}

extension BusValue {
    /// The D-Bus signature of the value's type, for values that we write.
    fileprivate var signature: String {
        switch self {
        case .text: "s"
        case .path: "o"
        case .flag: "b"
        case .number: "u"
        case .variant: "v"
        case .dictionary: "a{sv}"
        case .other: preconditionFailure("a value of a type that is not written")
        }
    }
}
