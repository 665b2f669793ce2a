import Glibc
import OperatorText

extension OperatorFault {
    /// Why a service cannot listen for TCP connections: the cause, and what to do about it.
    /// - Parameters:
    ///   - number: the system's error number; nil: it is not the system's.
    ///   - words: what is known otherwise.
    ///   - option: the option that gives the port; `addressOption`: the one that gives the address, if there is one.
    package static func cannotListen(
        on address: String, port: Int, _ number: Int32?, words: String, option: String, addressOption: String? = nil
    ) -> OperatorFault {
        let place = "cannot listen on \(address) port \(port)"
        let other = addressOption.map { "\(option) or \($0)" } ?? option
        switch number {
        case EACCES?, EPERM?:
            return OperatorFault(
                "\(place): this user may not use a port below 1024, or this port",
                hint:
                    "give \(option) a port from 1024 on, or grant CAP_NET_BIND_SERVICE (AmbientCapabilities= in a unit)"
            )
        case EADDRINUSE?:
            return OperatorFault(
                "\(place): another program listens there",
                hint: "choose another \(other), or stop that program: ss -ltnp sport = :\(port)")
        case EADDRNOTAVAIL?, EAFNOSUPPORT?:
            return OperatorFault(
                "\(place): this machine does not have that address",
                hint: "see ip address, and choose another \(addressOption ?? option)")
        case EMFILE?, ENFILE?:
            return OperatorFault(
                "\(place): this process may not open more files", hint: "raise the limit on open files: ulimit -n")
        case let number?:
            return OperatorFault(
                "\(place): \(String(cString: strerror(number)))", hint: "choose another \(other)")
        case nil:
            return OperatorFault("\(place)\(words.isEmpty ? "" : ": \(words)")", hint: "choose another \(other)")
        }
    }
}
