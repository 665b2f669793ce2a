import Bluetooth
import EventLoop
import Files
import Glibc
import ProofLink
import SRUP

/// The adapters that the kernel reports without any capability. It changes nothing.
public struct RadioSurvey: Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Adapter: Sendable {
        public let index: AdapterIndex
        public let information: AdapterInformation
        /// By a switch or by a program.
        public let isBlocked: Bool
    }

    /// In the order of their numbers.
    public internal(set) var adapters: [Adapter] = []
    /// Whether the kernel has told about all of them in time.
    public internal(set) var isComplete = false

    /// Asks the kernel; for three seconds at most.
    /// - Throws: `LinkSocketError`.
    public static func take() throws(LinkSocketError) -> RadioSurvey {
        let surveyor = try Surveyor()
        surveyor.loop.run()
        return surveyor.survey
    }

    /// `@unchecked Sendable`: used on the loop's thread only, which is the caller's.
    private final class Surveyor: @unchecked Sendable {
        let loop = Loop()
        var survey = RadioSurvey()
        private var management: Management?
        private var alarm: Alarm?

        init() throws(LinkSocketError) {
            // The loop is not running yet: no other thread uses it.
            management = try Management(loop) { _, _ in }
            loop.perform { [self] in
                alarm = Alarm(loop) { [unowned self] in loop.stop() }
                alarm?.set(after: .seconds(3))
                management?.send(.readIndexList, to: .none) { [unowned self] _, reply in
                    look(at: AdapterInformation.indices(reply).sorted()[...])
                }
            }
        }

        private func look(at indices: ArraySlice<AdapterIndex>) {
            guard let index = indices.first else {
                survey.isComplete = true
                return loop.stop()
            }
            management?.send(.readInformation, to: index) { [unowned self] _, reply in
                if let information = AdapterInformation(reply: reply) {
                    survey.adapters.append(
                        Adapter(index: index, information: information, isBlocked: RadioSurvey.isBlocked(index)))
                }
                look(at: indices.dropFirst())
            }
        }
    }

    /// What rfkill has under the adapter in /sys.
    public static func isBlocked(_ index: AdapterIndex) -> Bool {
        let folder = "/sys/class/bluetooth/\(index)/"
        return Folder.entries(of: folder).contains { name in
            name.hasPrefix("rfkill")
                && ["soft", "hard"].contains { (try? File.read(folder + name + "/" + $0))?.first == UInt8(ascii: "1") }
        }
    }

    /// Opens a link and reads the identity in HELLO; fifteen seconds at most.
    public static func hello(from way: NearbyAddress, over adapter: BluetoothAddress) -> Result<
        Identifier, LinkSocketError
    > {
        do throws(LinkSocketError) {
            let socket = try LinkSocket.connect(to: way, from: adapter)
            defer { close(socket) }
            guard wait(socket, POLLOUT, 10_000) else { throw .failed(call: "connect", errno: ETIMEDOUT) }
            if let fault = LinkSocket.outcomeOfConnect(socket) { throw fault }
            var assembler = FrameAssembler(from: .beacon)
            while wait(socket, POLLIN, 5_000) {
                guard case .bytes(let bytes) = LinkSocket.receive(from: socket) else { break }
                assembler.append(bytes)
                guard let frame = try? assembler.next() else { continue }
                if case .hello(_, _, let beacon, _) = frame { return .success(beacon) }
                break
            }
            return .failure(.failed(call: "HELLO", errno: ENODATA))
        } catch {
            return .failure(error.ofConnect(to: way, from: adapter))
        }
    }

    private static func wait(_ socket: Int32, _ events: Int32, _ milliseconds: Int32) -> Bool {
        var one = pollfd(fd: socket, events: Int16(events), revents: 0)
        return poll(&one, 1, milliseconds) > 0
    }
}
