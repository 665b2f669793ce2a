import Broker
import Enrolling
import Keys
import Nearby
import SQLite

/// An error that the operator can fix: a message about what is wrong, and a hint what to do.
public struct OperatorFault: Error, Equatable, Sendable {
    /// What is wrong: lower case, no full stop.
    public let message: String
    /// What to do, in the imperative.
    public let hint: String

    /// A fault with this message and hint.
    public init(_ message: String, hint: String) { (self.message, self.hint) = (message, hint) }

    /// The hints of `Keys` name the beacon's configuration file; here a path is an option.
    package init(_ error: KeyError) {
        self.init(
            error.message,
            hint: error.hint.replacing("in the configuration; none is made for you", with: "on the command line"))
    }

    init(_ error: KeyMakingError) { self.init(error.message, hint: error.hint) }

    /// The hints of the broker link name the beacon's configuration file; here the settings are options.
    package init(_ fault: BrokerFault) {
        let words = [
            "[broker] address": "--broker", "[broker] certificate": "--cert", "[broker] ca": "--ca",
            "[broker] client-id": "--id",
        ]
        self.init(
            fault.message, hint: words.reduce(fault.hint) { $0.replacing($1.key, with: $1.value) })
    }

    init(_ error: LinkSocketError, _ address: NearbyAddress) {
        let hint =
            switch error {
            case .noBluetooth: "use a machine with a Bluetooth adapter, or --link local:PATH"
            case .notASocket: "give the path of the beacon's socket"
            case .pathTooLong: "give the beacon's socket a shorter path"
            case .failed: "check that the beacon listens there, and that you may connect to it"
            }
        self.init("cannot connect to \(address): \(error)", hint: hint)
    }
}

/// Runs `body`, and turns the errors of lower modules into the operator's fault.
package func asOperatorFault<Result>(_ body: () throws -> Result) throws(OperatorFault) -> Result {
    do { return try body() } catch let error as KeyError {
        throw OperatorFault(error)
    } catch let error as KeyMakingError {
        throw OperatorFault(error)
    } catch let error as EnrolmentFault {
        throw OperatorFault(error.message, hint: error.hint)
    } catch let error as OperatorFault {
        throw error
    } catch let error as DatabaseError {
        throw OperatorFault(
            "\(error)", hint: "check that the disk has free space and that no other process uses the file")
    } catch is CertificateAuthority.Fault {
        throw OperatorFault(
            "OpenSSL could not create a certificate", hint: "check that openssl itself works on this machine")
    } catch {
        preconditionFailure("unexpected error: \(error)")
    }
}
