import Daemon
import Nearby
import OperatorText

/// Letting devices pair, with or without bluetoothd.
public enum PairingWindow {
    /// Opens for one pairing and blocks until it is done, the time is over, or SIGINT or SIGTERM comes. A person answers
    /// the questions on standard input.
    /// - Parameter say: a line for the person, questions among them.
    /// - Returns: who has paired; nil: nobody.
    /// - Throws: `OperatorError`.
    public static func openForPairing(
        _ configuration: Configuration, seconds: UInt16, say: @escaping (String) -> Void
    ) throws -> String? {
        let adapters = configuration.radio.adapters
        guard BluetoothService.isRunning else {
            return try Pairing.run(adapters, seconds: seconds, say: say)
        }
        let outcome = BluetoothService.openPairing(seconds: Int(seconds), adapters: adapters) { device, digits in
            say("does \(device) show \(digits)? [yes/no]")
            return readLine() == "yes"
        } report: {
            say("\($0)")
        }
        switch outcome {
        case .paired(let device): return device.description
        case .nobody: return nil
        case .unavailable(let why): throw OperatorFault(why, hint: "see: systemctl status bluetooth")
        }
    }
}
