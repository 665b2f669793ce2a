import Glibc

/// What `Scripts/fuzz` runs: libFuzzer's driver over one of the doors, named by SRUP_FUZZ_DOOR. A door must take any bytes
/// without a crash and keep its promises, which are preconditions here.
@main
enum Fuzz {
    static func main() {
        // A peer that closes is no reason to end.
        signal(SIGPIPE, SIG_IGN)
        guard Door.chosen != nil else {
            print("SRUP_FUZZ_DOOR must be one of: \(Door.allCases.map(\.rawValue).joined(separator: " "))")
            exit(2)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments) { testOneInput($0, $1) })
    }
}

/// libFuzzer's main function, as a library has it.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// libFuzzer's own main function, which is never called, wants it under this name.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    Door.chosen?.enter(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// Where bytes come in from outside.
enum Door: String, CaseIterable {
    case frame, sealed, link, registry, configuration, control

    static let chosen = getenv("SRUP_FUZZ_DOOR").flatMap { Door(rawValue: String(cString: $0)) }
    /// With keys and a network made by Scripts/fuzz.
    static let folder = getenv("SRUP_FUZZ_FOLDER").map { String(cString: $0) } ?? "."

    func enter(_ bytes: [UInt8]) {
        switch self {
        case .frame: FrameDoor.enter(bytes)
        case .sealed: SealedDoor.enter(bytes)
        case .link: LinkDoor.enter(bytes)
        case .registry: RegistryDoor.enter(bytes)
        case .configuration: ConfigurationDoor.enter(bytes)
        case .control: ControlDoor.enter(bytes)
        }
    }
}

/// What is said to a person or written into a file holds no character that a terminal or a line would obey.
func isPlain(_ text: String) {
    let isObeyed = { (scalar: Unicode.Scalar) in scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) }
    precondition(!text.unicodeScalars.contains(where: isObeyed), "a raw byte: \(Array(text.utf8))")
}
