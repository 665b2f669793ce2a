import Glibc
import ProofLink

extension LinkSocketError {
    /// What an operator can do about a transport of the beacon's that is not listened on.
    package func hint(forListeningOn transport: Transport) -> String {
        let setting = "[link] \(transport.rawValue)"
        switch self {
        case .noBluetooth: return "load the modules: modprobe bluetooth; or set \(transport.rawValue) = off in [link]"
        case .pathTooLong: return "set \(setting) to a shorter path"
        case .notASocket(let path): return "move \(path) away, or set \(setting) to another path"
        case .failed(_, EADDRINUSE):
            return transport.isRadio
                ? "another program, such as a second beacon, has that number: stop it, or set \(setting) to another one, at both ends"
                : "another program listens there: stop it, or set \(setting) to another path"
        case .failed(_, EACCES) where !transport.isRadio, .failed(_, EPERM) where !transport.isRadio,
            .failed(_, EROFS) where !transport.isRadio, .failed(_, ENOENT) where !transport.isRadio,
            .failed(_, ENOTDIR) where !transport.isRadio:
            return "set \(setting) to a path in a folder that exists and that the beacon's user may write to"
        case .failed(_, EMFILE), .failed(_, ENFILE):
            return "raise the limit on open files: LimitNOFILE in the unit, or ulimit -n"
        case .failed: return "see the kernel's log: journalctl -k"
        }
    }
}
