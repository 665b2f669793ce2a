import Broker
import Daemon
import Enrolling
import Fetching
import FoundationEssentials
import Glibc
import Keys
import OperatorText
import SRUP

/// `srup-beacon enrol`: from an address to a configuration with which the beacon runs.
public struct EnrolmentOrder {
    /// What is asked of the service, and how.
    public var form = EnrolmentRequest()
    /// Where the configuration goes.
    public var configuration = ""
    /// The journal's folder.
    public var state = ""
    /// The credentials' folder; nil: `keys` in the journal's.
    public var keys: String?
    /// Whether what is there is set aside.
    public var replaces = false

    /// Defaults for the caller to fill in.
    public init() { (form.type, form.tokenVariable) = ("beacon", "SRUP_BEACON_TOKEN") }

    // MARK: - Enrolling

    /// Enrols, or goes on with what was interrupted.
    /// - Throws: `OperatorError`.
    public func perform(say: @escaping (String) -> Void) throws {
        let asked = try checked()
        if let note = asked.note { say(note) }
        if replaces { try setAside(say) }
        // One that is there must be ours before a service knows of us; one that is missing is made once it does.
        if access(state, F_OK) == 0 { _ = try StateFolder(path: state) }
        let outcome = try Enrolment(folder: folder, registry: asked.registry) { step in
            if let message = step.message { say(message) }
            Checkpoint.pass()
        }.run(asked.wish, authority: asked.authority, now: Int64(time(nil)))
        if place.found(outcome.identity) == .nothing {
            try place.write(outcome)
            say("wrote the configuration \(configuration)")
        } else {
            say("the configuration \(configuration) is there already, and stays as it is")
        }
        Checkpoint.pass()
        _ = try StateFolder(path: state)
        try DaemonProcess.check(configuration)
        tryBroker(say)
        say("enrolled as \(outcome.identity.topicForm); start it: srup-beacon run --config \(configuration)")
    }

    /// Checks all that can be checked without writing anything, here or at the service, and says what would be done.
    /// - Throws: `OperatorError`.
    public func rehearse(say: (String) -> Void) throws {
        let asked = try checked()
        if let note = asked.note { say(note) }
        if replaces {
            for path in replaced { say("would set \(path) aside") }
        } else {
            try refuseAnotherConfiguration()
        }
        let lines = try Enrolment.preview(replaces ? nil : folder, at: folder.path, asked.registry, asked.wish)
        for line in lines { say(line) }
        let found = place.found(try identityThere())
        if replaces || found == .nothing {
            say("would write the configuration \(configuration)")
        }
        say("nothing has been written, and nothing registered")
    }

    /// A failure is only reported: the broker need not run yet.
    private func tryBroker(_ say: (String) -> Void) {
        guard let made = try? Configuration(file: configuration) else { return }
        do throws(BrokerFault) {
            try BrokerLink.tryOut(made.brokers, clientID: made.mqttClientID, tls: made.tls)
            say("the broker takes the certificate")
        } catch {
            say("the broker could not be tried: \(error.message); hint: \(error.hint(for: .beacon))")
        }
    }

    // MARK: - Checking

    private var folder: CredentialFolder { CredentialFolder(path: keys ?? state + "/keys") }
    private var place: WrittenConfiguration {
        WrittenConfiguration(path: configuration, folder: folder, state: state)
    }

    private func checked() throws -> EnrolmentRequest.Checked {
        try checkUser()
        try place.checkPlace()
        if !replaces {
            try StateFolder(lookingInto: state).checkNotDeregistered()
            try refuseAnotherConfiguration()
        }
        return try form.checked(goingOnIn: replaces ? nil : folder)
    }

    /// Another user's folders could not be written, or would get files that the beacon then may not read: the cause is the user, whatever
    /// fails first.
    private func checkUser() throws(OperatorFault) {
        for path in [state, folder.path] {
            var status = stat()
            guard stat(path, &status) == 0, status.st_uid != geteuid() else { continue }
            let (owner, us) = (EnrolmentOrder.name(of: status.st_uid), EnrolmentOrder.name(of: geteuid()))
            throw OperatorFault(
                "this runs as user \(us), and \(path) belongs to user \(owner)",
                hint: "run it as that user: runuser -u \(owner) -- srup-beacon enrol ...")
        }
    }

    private static func name(of user: uid_t) -> String {
        getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)"
    }

    private func identityThere() throws -> Identifier? { try Enrolment.identity(in: folder) }

    private func refuseAnotherConfiguration() throws {
        guard place.found(try identityThere()) == .another else { return }
        throw OperatorFault(
            "the configuration \(configuration) is there already, and is not this enrolment's",
            hint: "give another path with --config; or set it aside, with the beacon that it is of: --replace")
    }

    // MARK: - Becoming another beacon

    /// What --replace sets aside: everything that belongs to the old identity. The journal's sequence ids and its unsent
    /// answers are the old one's too.
    private var replaced: [String] {
        let journal = state + "/journal.sqlite"
        return [
            configuration, journal + "-wal", journal + "-shm", journal, state + "/sequences", state + "/deregistered",
            folder.path,
        ].filter {
            var status = stat()
            return lstat($0, &status) == 0
        }
    }

    private func setAside(_ say: (String) -> Void) throws {
        guard (try? Control.ask(state + "/control", .status)) == nil else {
            throw OperatorFault("the beacon is running", hint: "stop it, then run this again")
        }
        for path in replaced {
            let aside = try CredentialFolder.setAside(path)
            say("set aside: \(aside)")
            Checkpoint.pass()
        }
    }
}
