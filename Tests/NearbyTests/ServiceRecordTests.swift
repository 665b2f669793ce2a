import BootTime
import CSystemBus
import Foundation
import Synchronization
import TestVectors
import Testing

@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

@Suite("The service's SDP record", .blocking)
struct ServiceRecordTests {
    private static let l2cap = "<sequence><uuid value=\"0x0100\"/></sequence>"
    private static let rfcomm = "<sequence><uuid value=\"0x0003\"/><uint8 value=\"0x15\"/></sequence>"
    private static let psm = "<sequence><uuid value=\"0x0100\"/><uint16 value=\"0x1035\"/></sequence>"

    @Test("without a listener over BR/EDR there is no record")
    func neither() { #expect(ServiceRecord(rfcommChannel: nil, l2capPSM: nil) == nil) }

    @Test(
        "it names the channel or PSM, and a second one as an additional protocol",
        arguments: [
            (UInt8(21), nil, "<sequence>\(l2cap)\(rfcomm)</sequence>", nil),
            (nil, UInt16(0x1035), "<sequence>\(psm)</sequence>", nil),
            (21, 0x1035, "<sequence>\(l2cap)\(rfcomm)</sequence>", "<sequence><sequence>\(psm)</sequence></sequence>"),
        ] as [(UInt8?, UInt16?, String, String?)])
    func ways(channel: UInt8?, psm: UInt16?, first: String, more: String?) throws {
        let record = try #require(ServiceRecord(rfcommChannel: channel, l2capPSM: psm))
        let language = ["0x656e", "0x006a", "0x0100"].map { "<uint16 value=\"\($0)\"/>" }.joined()
        let attributes = [
            ("0x0001", "<sequence><uuid value=\"5f1c3a7e-8b24-4d96-a0e3-52c6f7d81b40\"/></sequence>"),
            ("0x0004", first), ("0x0005", "<sequence><uuid value=\"0x1002\"/></sequence>"),
            ("0x0006", "<sequence>\(language)</sequence>"), ("0x000d", more),
            ("0x0100", "<text value=\"SRUP beacon\"/>"),
        ]
        let lines = attributes.filter { $0.1 != nil }.map { "  <attribute id=\"\($0)\">\($1 ?? "")</attribute>\n" }
        #expect(record.xml == "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<record>\n\(lines.joined())</record>\n")
    }
}

/// A private bus for the tests: dbus-daemon, configured to allow everything.
private final class TestBus {
    let socket: String
    private let daemon = Process()

    /// nil if there is no dbus-daemon.
    init?(in folder: TemporaryFolder) throws {
        socket = folder.path("bus")
        guard access("/usr/bin/dbus-daemon", X_OK) == 0 else { return nil }
        let configuration = """
            <busconfig><type>session</type><listen>unix:path=\(socket)</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow own="*"/><allow send_destination="*" eavesdrop="true"/>
            <allow eavesdrop="true"/></policy></busconfig>
            """
        daemon.executableURL = URL(fileURLWithPath: "/usr/bin/dbus-daemon")
        daemon.arguments = ["--nofork", "--config-file", try folder.write(Data(configuration.utf8), to: "bus.conf")]
        daemon.standardError = FileHandle.nullDevice  // it would like more descriptors
        try daemon.run()
        for _ in 0..<2_000 where SystemBus(socket: socket) == nil { usleep(5_000) }  // its file comes first
    }

    deinit { end() }

    func end() {
        kill(daemon.processIdentifier, SIGKILL)  // it does not heed SIGTERM where a test's thread has started it
        daemon.waitForExit()
    }
}

/// Stands in for bluetoothd on such a bus.
private final class StandIn {
    let bus: SystemBus

    init(_ socket: String) throws {
        bus = try #require(SystemBus(socket: socket))
        let name = bus.makeCall(
            BusName.bus, BusName.busPath, BusName.bus, "RequestName", [.text("org.bluez"), .number(4)])
        #expect(bus.failure(of: name) == nil)
    }

    /// Answers GetManagedObjects: hci0, which can be neither found nor paired with.
    func answerObjects(_ call: BusMessage) throws {
        var made: OpaquePointer?
        csystembus_message_new_method_return(call.handle, &made)
        let answer = BusMessage(taking: try #require(made))
        func open(_ contents: String) {
            let type = UInt8(ascii: contents.hasPrefix("{") ? "a" : "e")
            csystembus_message_open_container(answer.handle, CChar(type), contents)
        }
        for contents in ["{oa{sa{sv}}}", "oa{sa{sv}}"] { open(contents) }
        answer.append(.path("/org/bluez/hci0"))
        for contents in ["{sa{sv}}", "sa{sv}"] { open(contents) }
        answer.append(.text("org.bluez.Adapter1"))
        let off = ["Pairable": BusValue.flag(false), "Discoverable": .flag(false)]
        answer.append(
            .dictionary(off.merging(["PairableTimeout": .number(0), "DiscoverableTimeout": .number(180)]) { $1 }))
        for _ in 0..<4 { csystembus_message_close_container(answer.handle) }
        #expect(bus.send(answer) != nil)
    }

    /// Sets four properties of the adapter, in order, each of which is accepted.
    func takeSettings() throws -> [BusValue] {
        try (0..<4).flatMap { _ in
            let call = try nextCall()
            bus.answer(call)
            return call.body.dropFirst()
        }
    }

    /// The next call of a method, which must arrive within ten seconds.
    func nextCall() throws -> BusMessage {
        let moment = Instant.now + .seconds(10)
        while case .message(let message) = bus.next(until: moment) {
            if message.kind == .call { return message }
        }
        return try #require(nil as BusMessage?)
    }
}

/// What a service has reported.
private final class Told: Sendable {
    private let list = Mutex<[BluetoothService.Event]>([])
    func add(_ event: BluetoothService.Event) { list.withLock { $0.append(event) } }
    var all: [BluetoothService.Event] { list.withLock { $0 } }

    /// The last of so many reports, which must arrive within ten seconds.
    func last(of count: Int) -> BluetoothService.Event? {
        for _ in 0..<5_000 where all.count < count { usleep(2_000) }
        return all.count == count ? all.last : nil
    }
}

@Suite("The record at bluetoothd", .blocking, .serialized)
struct BluetoothServiceTests {
    private func service(_ socket: String, _ told: Told) throws -> BluetoothService {
        let record = try #require(ServiceRecord(rfcommChannel: 21, l2capPSM: nil))
        return BluetoothService(record: record, socket: socket) { told.add($0) }
    }

    /// Whether it stops within a second.
    private func stops(_ service: BluetoothService) -> Bool {
        let latest = Instant.now + .seconds(1)
        service.stop()
        return .now < latest
    }

    @Test(
        "without a bus nothing is reported, and it ends in time, also if it was not started or nobody reads the socket",
        arguments: [(false, false), (false, true), (true, true)])
    func noBus(isDeaf: Bool, isStarted: Bool) throws {
        try TemporaryFolder.with { folder in
            let listener = isDeaf ? try LinkSocket.listen(on: .local(path: folder.path("bus"))) : -1
            defer { close(listener) }
            let told = Told()
            let service = try service(folder.path("bus"), told)
            if isStarted { service.start() }
            usleep(100_000)
            #expect(stops(service) && told.all.isEmpty)
        }
    }

    @Test("the record is registered when bluetoothd starts, and again after a restart, and is lost with the bus")
    func registers() throws {
        try TemporaryFolder.with { folder in
            guard let bus = try TestBus(in: folder) else { return }  // no dbus-daemon here
            let told = Told()
            let service = try service(bus.socket, told)
            service.start()
            usleep(100_000)
            #expect(told.all.isEmpty)
            for round in 0..<2 {
                let bluez = try StandIn(bus.socket)
                let call = try bluez.nextCall()
                #expect(call.member == "org.bluez.ProfileManager1.RegisterProfile")
                #expect(call.body.prefix(2) == [.path(BusName.profilePath), .text(ServiceRecord.serviceUUID)])
                let xml = try #require(ServiceRecord(rfcommChannel: 21, l2capPSM: nil)).xml
                let options: [String: BusValue] = [
                    "Role": .text("server"), "ServiceRecord": .text(xml), "RequireAuthentication": .flag(false),
                    "RequireAuthorization": .flag(false),
                ]
                #expect(call.body[2] == .dictionary(options.mapValues { .variant($0) }))
                bluez.bus.answer(call)
                #expect(told.last(of: 2 * round + 1) == .registered)
                if round == 0 { checkProfile(bluez, of: call.sender) }
                _ = consume bluez
                #expect(told.last(of: 2 * round + 2) == .gone)
            }
            #expect(stops(service) && told.all.count == 4)
        }
    }

    /// What bluetoothd may ask of its profiles. No connection is accepted.
    private func checkProfile(_ bluez: StandIn, of service: String) {
        for (member, error) in [
            ("NewConnection", BusName.rejected), ("RequestDisconnection", nil), ("Cancel", nil),
            ("Anything", BusName.unknownMethod),
        ] {
            let call = bluez.bus.makeCall(service, BusName.profilePath, "org.bluez.Profile1", member)
            #expect(bluez.bus.failure(of: call) == error)
        }
    }

    @Test("a refusal is reported in bluetoothd's words, and the end of the bus that follows is not reported")
    func refused() throws {
        try TemporaryFolder.with { folder in
            guard let bus = try TestBus(in: folder) else { return }  // no dbus-daemon here
            let told = Told()
            let bluez = try StandIn(bus.socket)
            let service = try service(bus.socket, told)
            service.start()
            bluez.bus.answer(try bluez.nextCall(), error: "org.bluez.Error.NotPermitted")
            #expect(told.last(of: 1) == .refused("org.bluez.Error.NotPermitted"))
            bus.end()
            usleep(100_000)
            #expect(stops(service) && told.all.count == 1)
        }
    }
}

@Suite("Pairing through bluetoothd", .blocking, .serialized)
struct BluetoothPairingTests {
    private static let device = "/org/bluez/hci0/dev_00_11_22_AA_BB_CC"
    private static let turnedAway = "00:11:22:AA:BB:CC was turned away: it cannot compare digits"

    private static func settings(_ seconds: UInt32, _ on: Bool, _ foundFor: UInt32) -> [BusValue] {
        [
            .text("PairableTimeout"), .variant(.number(seconds)), .text("Pairable"), .variant(.flag(on)),
            .text("DiscoverableTimeout"), .variant(.number(foundFor)), .text("Discoverable"), .variant(.flag(on)),
        ]
    }

    /// One pairing period on its own thread, for four seconds, with a person who always gives the same answer.
    private final class Opening: Sendable {
        let outcome = Mutex<PairingOutcome?>(nil)
        let told = Mutex<[String]>([])

        init(_ socket: String, yes: Bool) {
            startThread("pairing") { [self] in
                let confirm = { (device: BluetoothAddress, digits: String) in
                    self.told.withLock { $0.append("\(device) \(digits)?") }
                    return yes
                }
                let result = BluetoothService.openPairing(SystemBus(socket: socket), 4, [], confirm) { event in
                    self.told.withLock { $0.append("\(event)") }
                }
                outcome.withLock { $0 = result }
            }
        }

        func wait() -> PairingOutcome? {
            for _ in 0..<5_000 where outcome.withLock({ $0 == nil }) { usleep(2_000) }
            return outcome.withLock { $0 }
        }
    }

    @Test(
        "a person compares digits, every other method is refused, and settings are restored", arguments: [false, true])
    func pairing(yes: Bool) throws {
        try TemporaryFolder.with { folder in
            guard let testBus = try TestBus(in: folder) else { return }  // no dbus-daemon here
            let bluez = try StandIn(testBus.socket)
            let opening = Opening(testBus.socket, yes: yes)
            let register = try bluez.nextCall()
            #expect(register.member == "org.bluez.AgentManager1.RegisterAgent")
            #expect(register.body == [.path(BusName.agentPath), .text("DisplayYesNo")])
            bluez.bus.answer(register)
            bluez.bus.answer(try bluez.nextCall())  // RequestDefaultAgent
            try bluez.answerObjects(try bluez.nextCall())
            #expect(try bluez.takeSettings() == BluetoothPairingTests.settings(94, true, 94))
            try askAgent(register.sender, bluez, testBus, yes: yes)
            if yes {
                _ = consume bluez  // a yes gives the devices time to finish: it ends with bluetoothd here
                #expect(opening.wait() == .unavailable("bluetoothd has ended"))
            } else {
                #expect(try bluez.takeSettings() == BluetoothPairingTests.settings(0, false, 180))
                #expect(opening.wait() == .nobody)
            }
            let digits = ["00:11:22:AA:BB:CC 004213?", "00:11:22:AA:BB:CC was \(yes ? "confirmed" : "denied")"]
            let before = ["hci0 is open for pairing"] + Array(repeating: BluetoothPairingTests.turnedAway, count: 5)
            #expect(opening.told.withLock { $0 } == before + ["the attempt was cancelled"] + digits)
        }
    }

    private func askAgent(_ agent: String, _ bluez: StandIn, _ testBus: TestBus, yes: Bool) throws {
        func answer(_ bus: SystemBus, _ member: String, _ more: [BusValue]) -> String? {
            let body = [.path(BluetoothPairingTests.device)] + more
            return bus.failure(of: bus.makeCall(agent, BusName.agentPath, "org.bluez.Agent1", member, body))
        }
        for member in ["RequestPinCode", "DisplayPinCode", "RequestPasskey", "DisplayPasskey", "RequestAuthorization"] {
            #expect(answer(bluez.bus, member, []) == BusName.rejected)
        }
        let serialPort = BusValue.text("00001101-0000-1000-8000-00805f9b34fb")
        #expect(answer(bluez.bus, "AuthorizeService", [.text(ServiceRecord.serviceUUID.uppercased())]) == nil)
        #expect(answer(bluez.bus, "AuthorizeService", [serialPort]) == BusName.rejected)
        #expect(answer(bluez.bus, "Cancel", []) == nil)
        #expect(answer(bluez.bus, "Unknown", []) == BusName.unknownMethod)
        let stranger = try #require(SystemBus(socket: testBus.socket))
        #expect(answer(stranger, "RequestConfirmation", [.number(4213)]) == BusName.unknownMethod)
        #expect(answer(bluez.bus, "RequestConfirmation", [.number(4213)]) == (yes ? nil : BusName.rejected))
    }
}
