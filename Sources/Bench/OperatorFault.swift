import Broker
import Enrolling
import Keys
import Nearby
import SQLite

/// Something that the person at the keyboard can mend: one sentence about what is wrong, and one order.
public struct OperatorFault: Error, Equatable, Sendable {
    /// What is wrong: lower case, no full stop.
    public let sentence: String
    /// What to do: an order.
    public let hint: String

    /// A fault in these words.
    public init(_ sentence: String, hint: String) { (self.sentence, self.hint) = (sentence, hint) }

    /// `Keys` speaks of the beacon's configuration file; here a path is an option.
    package init(_ error: KeyError) {
        self.init(
            error.sentence,
            hint: error.hint.replacing("in the configuration; none is made for you", with: "on the command line"))
    }

    init(_ error: KeyMakingError) { self.init(error.sentence, hint: error.hint) }

    /// The links speak of the beacon's configuration file; here the same things are options.
    package init(_ fault: BrokerFault) {
        let words = [
            "[broker] address": "--broker", "[broker] certificate": "--cert", "[broker] ca": "--ca",
            "[broker] client-id": "--id",
        ]
        self.init(
            fault.sentence, hint: words.reduce(fault.hint) { $0.replacing($1.key, with: $1.value) })
    }

    init(_ error: LinkSocketError, _ address: NearbyAddress) {
        let hint =
            switch error {
            case .noBluetooth: "use a machine with a Bluetooth adapter, or --link local:PATH"
            case .notASocket: "give the path of the beacon's socket"
            case .pathTooLong: "give the beacon's socket a shorter path"
            case .failed: "see that the beacon listens there, and that we may connect to it"
            }
        self.init("the link to \(address) cannot be made: \(error)", hint: hint)
    }
}

/// Runs `body` and turns what `Keys` throws into the operator's fault.
package func asOperatorFault<Result>(_ body: () throws -> Result) throws(OperatorFault) -> Result {
    do { return try body() } catch let error as KeyError {
        throw OperatorFault(error)
    } catch let error as KeyMakingError {
        throw OperatorFault(error)
    } catch let error as EnrolmentFault {
        throw OperatorFault(error.sentence, hint: error.hint)
    } catch let error as OperatorFault {
        throw error
    } catch let error as DatabaseError {
        throw OperatorFault("\(error)", hint: "see that the disk has room and that nobody else holds the file")
    } catch is CertificateAuthority.Fault {
        throw OperatorFault("OpenSSL made no certificate", hint: "see that openssl itself works here")
    } catch {
        preconditionFailure("an error that nobody names: \(error)")
    }
}
