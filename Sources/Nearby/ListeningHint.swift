import Glibc
import ProofLink

extension LinkSocketError {
    /// What to do where no descriptor is left.
    package static let shortageHint = "raise the limit on open files: LimitNOFILE= in the unit, or ulimit -n"

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
        case .failed(_, EACCES) where transport.isRadio:
            return
                "a PSM below 0x1001, on LE below 0x80, needs CAP_NET_BIND_SERVICE: set \(setting) to a higher one, at both ends"
        case .failed(_, EACCES) where !transport.isRadio, .failed(_, EPERM) where !transport.isRadio,
            .failed(_, EROFS) where !transport.isRadio, .failed(_, ENOENT) where !transport.isRadio,
            .failed(_, ENOTDIR) where !transport.isRadio:
            return
                "create its folder for the beacon's user, or have the unit do it: RuntimeDirectory=; or set \(setting) to another path"
        case .failed(_, EMFILE), .failed(_, ENFILE):
            return LinkSocketError.shortageHint
        case .failed, .noLink, .shortPackets: return "see the kernel's log: journalctl -k"
        }
    }
}
