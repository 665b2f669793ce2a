import Bench
import BootTime
import EventLoop
import Glibc
import Keys
import Nearby
import OperatorText
import ProofLink
import SRUP

extension Stage {
    /// Starts a case: the device runs.
    /// - Throws: `OperatorFault` if its standard input cannot be made.
    func begin(_ one: Case) throws {
        state = CaseState()
        state.name = one.name
        let usesValue = one.needs.contains(.value) || setting.modes == [.value]
        state.stays = one.needs.contains(.member)
        state.mode = usesValue ? Mode.value.description : ""
        if !one.needs.contains(.registry) || !one.needs.isDisjoint(with: [.server]) { prepareVariables() }
        if !one.needs.contains(.registry) { try start() }
    }

    func prepareVariables() {
        variables = [
            "PROVE_CASE": state.name, "PROVE_MODE": state.mode, "PROVE_STAY": state.stays ? "yes" : "",
            "PROVE_DEVICE": setting.device.topicForm,
            "PROVE_SERVER": setting.server.topicForm, "PROVE_BEACON": setting.beacon.topicForm,
            "PROVE_LINK": setting.address.optionForm, "PROVE_FOLDER": setting.folder,
            "PROVE_STATE": setting.folder + "/state-\(lostStates)",
        ]
        if let node = setting.node {
            variables["PROVE_BROKER"] = node.brokers[0].description
            variables["PROVE_BROKER_CA"] = node.tls.authority
            variables["PROVE_SERVER_KEY"] = setting.folder + "/server.pub.pem"
        }
    }

    func start() throws {
        guard var command = setting.command else {
            say("prove: start the device: \(state.name)")
            for (name, value) in variables.sorted(by: { $0.key < $1.key }) { say("    \(name)=\(value)") }
            return
        }
        if setting.node == nil {
            let input = try DeviceInput(setting.folder + "/input-\(state.name)")
            self.input = input
            command = "exec <'\(input.path)'; " + command
        }
        device = DeviceProcess(command, variables)
    }

    /// Takes one step.
    /// - Throws: `CaseResult.Fault` if the device does something else, `Ended`.
    func take(_ step: Step) throws {
        switch step {
        case .restarts(let losesState):
            device?.stop()
            link = nil
            drain()
            if losesState { lostStates += 1 }
            prepareVariables()
            try start()
        case .enrols(let isWelcome): try enrol(isWelcome)
        case .asks: try request()
        case .sendsValue(let text): try sendValue(text)
        case .sends(let stray): try send(stray)
        case .decides(let status): if let token = state.valueToken { server?.send(.response(status), token) }
        case .ends(let isJoined): try end(isJoined)
        case .goesOn(let time): try goOn(time)
        case .commands(let body, let isForDevice): command(body, isForDevice)
        case .answers(let answer): try answers(answer)
        case .isQuiet(let time): try quiet(time)
        case .isDeaf(let time):
            close(listener)
            listener = -1
            _ = try wait(time, isScaled: false) { nil as Bool? }
            try listen()
        case .connectsEarly:
            guard try opens(Window(before: .seconds(5)), isWanted: false) else {
                if let fault = fault(expected: "the device opens a link, or waits for the value") { throw fault }
                throw Ended.notTried("the device opens its link only when it has the value")
            }
        case .connects(let window): _ = try opens(window, isWanted: true)
        case .says(let frames, let cut): try say(frames, cut)
        case .ready(let mode): try ready(mode)
        case .claims(let hasValue): try claim(hasValue)
        case .proves(let mode): try prove(mode)
        case .hangsUp: try hangUp()
        case .leaves(let window): try leaves(window)
        case .isSilent(let time):
            if let arrival = try wait(time, isScaled: false, { link?.next() }) {
                throw CaseResult.Fault(
                    expected: "nothing for \(Stage.text(time))", seen: arrival.description, bytes: arrival.bytes)
            }
        case .staysAway(let time):
            if try wait(time, isScaled: false, { accepted() }) != nil {
                let (reason, meaning) =
                    state.stays
                    ? ("no join of the device is under way", "")
                    : ("the beacon has shown that it holds the value", ": it does not believe the right tag")
                throw CaseResult.Fault(
                    expected: "no link for \(Stage.text(time)): \(reason)",
                    seen: "the device has opened another link\(meaning)")
            }
        }
    }

    static func text(_ time: Duration) -> String { "\(CaseResult.text(Double(time.wholeMilliseconds) / 1_000)) s" }

    // MARK: - The device's end

    private static let needsRun = Ended.notTried("needs --run: the device's exit status tells")

    private func goOn(_ time: Duration) throws {
        guard device != nil else { throw Stage.needsRun }
        let expected = "the device waits for RESPONSE joined, refused or failed"
        let ended: CaseResult.Fault? = try wait(time, isScaled: false) { fault(expected: expected) }
        if let ended { throw ended }
    }

    private func end(_ isJoined: Bool) throws {
        guard let device else {
            if isJoined { return }
            throw Stage.needsRun
        }
        let wanted =
            "the device ends with exit status \(isJoined ? "0: the server has accepted it" : "1 or more: the server has refused it")"
        guard try wait(.seconds(8), { device.result }) != nil else {
            let seen =
                server == nil
                ? "it goes on after valid with the right tag" : "it goes on 8 s after the server's RESPONSE"
            throw CaseResult.Fault(expected: wanted, seen: seen)
        }
        guard let status = device.exitStatus, (status == 0) == isJoined else {
            throw CaseResult.Fault(expected: wanted, seen: device.ending)
        }
    }

    // MARK: - Links

    /// A new link of the device.
    func accepted() -> OpenLink? {
        guard listener >= 0, let waiting = try? LinkSocket.accept(listener, setting.address.transport) else {
            return nil
        }
        return OpenLink(waiting.socket, setting.address.transport)
    }

    /// - Parameter isWanted: whether it is a fault if it does not.
    private func opens(_ window: Window, isWanted: Bool) throws -> Bool {
        let (begun, expected) = (Instant.now, "the device opens a link within \(Stage.text(window.before))")
        let time = setting.command == nil ? window.before + .seconds(120) : window.before
        let opened = try wait(time) {
            if let opened = accepted() { return opened }
            if isWanted, let fault = fault(expected: expected) { throw fault }
            return nil
        }
        guard let opened else {
            guard isWanted else { return false }
            throw CaseResult.Fault(expected: expected, seen: "it opens none")
        }
        let passed = Instant.now - begun
        guard passed >= window.after else {
            throw CaseResult.Fault(
                expected: "the device waits before it comes again, at least \(Stage.text(window.after))",
                seen: "it came after \(Stage.text(passed))")
        }
        link = opened
        return true
    }

    private func hangUp() throws {
        if let arrival = try wait(.milliseconds(100), isScaled: false, { link?.next() }), arrival != .closed {
            throw CaseResult.Fault(
                expected: "the device sends nothing more on this link", seen: arrival.description, bytes: arrival.bytes)
        }
        link = nil
    }

    private func leaves(_ window: Window) throws {
        let (begun, expected) = (Instant.now, "the device closes the link, and sends nothing more")
        guard let arrival = try wait(window.before, { link?.next() }) else {
            throw CaseResult.Fault(
                expected: expected, seen: "it keeps the link for more than \(Stage.text(window.before))")
        }
        guard arrival == .closed else {
            throw CaseResult.Fault(expected: expected, seen: arrival.description, bytes: arrival.bytes)
        }
        let time = Instant.now - begun
        guard time >= window.after else {
            throw CaseResult.Fault(
                expected: "the device keeps the link for \(Stage.text(window.after)) at least",
                seen: "it closed it after \(Stage.text(time))")
        }
        link = nil
    }
}

/// The standard input of a device that gets its value there: a FIFO, open at both ends, so that it does not end.
final class DeviceInput {
    let path: String
    private let descriptor: Int32

    /// - Throws: `OperatorFault`.
    init(_ path: String) throws(OperatorFault) {
        self.path = path
        unlink(path)
        descriptor = mkfifo(path, 0o600) == 0 ? open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK) : -1
        guard descriptor >= 0 else {
            throw OperatorFault(
                "\(path) cannot be made: \(String(cString: strerror(errno)))",
                hint: "set TMPDIR to a folder of this machine that is writable and can have FIFOs")
        }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    func write(_ line: String) { _ = Glibc.write(descriptor, line, line.utf8.count) }
}
