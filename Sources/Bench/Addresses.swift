import Broker
import OperatorText

extension BrokerAddress {
    /// From `HOST:PORT`; an IPv6 address is in brackets.
    /// - Throws: `OperatorFault`.
    public init(option text: String) throws(OperatorFault) {
        guard let place = try? HostAndPort(text) else {
            throw OperatorFault("\"\(text)\" is not HOST:PORT", hint: "write it as in broker.example:8883")
        }
        self.init(place)
    }
}
