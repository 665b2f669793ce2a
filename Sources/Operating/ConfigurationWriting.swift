import Broker
import Daemon
import Enrolling
import Files
import Glibc
import Keys
import OperatorText
import SRUP

/// The configuration that an enrolment ends with.
struct WrittenConfiguration {
    let path: String
    let folder: CredentialFolder
    let state: String

    /// What stands at the path now.
    enum Found: Equatable {
        case nothing
        /// A configuration of this very beacon, which is left as it is.
        case ours
        /// Anything else.
        case another
    }

    /// - Parameter identity: of the enrolment, where it has one yet.
    func found(_ identity: Identifier?) -> Found {
        var status = stat()
        guard lstat(path, &status) == 0 else { return .nothing }
        guard let there = try? Configuration(file: path), let identity, isOurs(there, identity) else { return .another }
        return .ours
    }

    private func isOurs(_ there: Configuration, _ identity: Identifier) -> Bool {
        there.identity == identity && CredentialFolder(named: there)?.path == folder.path
    }

    /// Whether it can be written, before anything that is harder to undo has been done.
    /// - Throws: `OperatorFault`.
    func checkPlace() throws(OperatorFault) {
        for given in [path, folder.path, state] {
            let isPlain = given.utf8.allSatisfy { $0 >= 0x21 && $0 != 0x7F && $0 != UInt8(ascii: ";") }
            guard given.hasPrefix("/"), isPlain else {
                throw OperatorFault(
                    "\"\(given)\" is not a path that a configuration can hold",
                    hint: "give a path that begins with / and holds neither spaces nor semicolons")
            }
        }
        // The beacon would not start with them; what is enrolled now could not be used.
        do { try Configuration.checkFragments(of: path) } catch let fault as OperatorFault { throw fault } catch {
            preconditionFailure("\(error)")
        }
        let around = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        guard access(around.isEmpty ? "/" : around, W_OK) == 0 else {
            throw OperatorFault(
                "the configuration \(path) cannot be written by user \(geteuid()): \(String(cString: strerror(errno)))",
                hint:
                    "run this as the beacon's user, if that is another one; make its folder for this user: install -d -o USER \(around); or give another path with --config"
            )
        }
    }

    /// Writes it, reads it back as the daemon would, and only then gives it its name; never over anything.
    /// - Throws: `OperatorFault`.
    func write(_ outcome: Enrolment.Outcome) throws {
        let temporary = path + ".new"
        do throws(FileError) { try File.replace(temporary, with: Array(text(outcome).utf8)) } catch {
            throw OperatorFault(
                "the configuration \(path) cannot be written: \(error)",
                hint: "make room, or check that this user may write there; then run this again")
        }
        defer { unlink(temporary) }
        // The files of conf.d may add servers or other brokers: what was written is compared without them.
        let back = try Configuration(file: temporary, withFragments: false)
        let isTheSame =
            isOurs(back, outcome.identity) && back.stateFolder == state && back.tls.authority == folder.access.authority
            && back.brokers.map(\.description) == [outcome.broker.description]
            && back.servers.keys.elementsEqual([outcome.server])
        precondition(isTheSame, "a configuration that says something else than it should")
        guard isOurs(try Configuration(file: temporary), outcome.identity) else { throw otherIdentity }
        do throws(FileError) { try File.rename(temporary, toFree: path) } catch {
            throw OperatorFault(
                "the configuration \(path) cannot be written: \(error)",
                hint: "see what is at that path; then run this again")
        }
    }

    private var otherIdentity: OperatorFault {
        OperatorFault(
            "a file of \(ConfigurationFiles.folder(of: path)) sets the identity, or the key or certificate, of another beacon",
            hint: "take [beacon] identity and key, and [broker] certificate and key, out of it; then run this again")
    }

    private func text(_ outcome: Enrolment.Outcome) -> String {
        """
        ; Configuration of srup-beacon, written by srup-beacon enrol. It may be changed. All keys with their defaults are in
        ; srup-beacon.conf of the documentation. Try it with: srup-beacon run --check --config \(path)

        [beacon]
        ; Who this beacon is, as it is registered.
        identity = \(outcome.identity.topicForm)
        ; Its private key. Anyone who has it can act as this beacon.
        key = \(folder.identityKey)
        ; Folder of the journal. It must survive restarts.
        state = \(state)

        [broker]
        ; MQTT over TLS, as the registration service told it.
        address = \(outcome.broker)
        ; The broker's CA, our client certificate and its key: renewed together, by themselves or with srup-beacon renew.
        ca = \(folder.access.authority)
        certificate = \(folder.access.certificate)
        key = \(folder.access.key)

        ; The C2 server that may ask this beacon. Its key is the one of the registration, and never changes by itself.
        [server \(outcome.server.topicForm)]
        key = \(folder.serverKey)

        [observation]
        ; Seconds that a device has to show itself after the server's request.
        ;window = 120

        [link]
        ; Where devices are listened for: an RFCOMM channel, an L2CAP PSM, a PSM on Bluetooth LE, or off.
        ;rfcomm = 21
        ;l2cap = 0x1035
        ;le = 0x00D5

        """
    }
}
