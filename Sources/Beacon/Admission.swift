import Links

/// Letting devices pair, whoever keeps their keys.
public enum Admission {
    /// Opens for one pairing and blocks until it is done or the time is over.
    /// - Parameters:
    ///   - say: what a person should know meanwhile.
    ///   - confirm: asks a person whether the device shows these six digits.
    /// - Returns: who has paired; nil: nobody.
    /// - Throws: `OperatorFault`.
    public static func openForPairing(
        _ configuration: Configuration, seconds: UInt16, say: @escaping (String) -> Void,
        confirm: @escaping (_ device: String, _ digits: String) -> Bool
    ) throws -> String? {
        guard BluetoothService.isRunning else {
            return try withoutService(configuration, seconds: seconds, say: say, confirm: confirm)
        }
        let outcome = BluetoothService.openPairing(seconds: Int(seconds)) { device, digits in
            confirm(device.description, digits)
        } report: {
            say("\($0)")
        }
        switch outcome {
        case .paired(let device): return device.description
        case .nobody: return nil
        case .unavailable(let why): throw OperatorFault(why, hint: "see: systemctl status bluetooth")
        }
    }

    private static func withoutService(
        _ configuration: Configuration, seconds: UInt16, say: @escaping (String) -> Void,
        confirm: @escaping (_ device: String, _ digits: String) -> Bool
    ) throws -> String? {
        do throws(PairingFault) {
            return try Pairing.run(configuration.radio.adapters, seconds: seconds, say: say, confirm: confirm)
        } catch {
            throw OperatorFault(error.sentence, hint: error.hint)
        }
    }
}
