import Broker
import OperatorText

extension Setting {
    func clientID() throws(BadSetting) -> String {
        guard value.isPrintable(1...64, spaces: false) else {
            throw bad("1 to 64 printable characters without spaces")
        }
        return value
    }

    func brokers() throws(BadSetting) -> [BrokerAddress] {
        var brokers: [BrokerAddress] = []
        for part in value.split(whereSeparator: { $0 == "," || $0 == " " }) {
            guard let place = try? HostAndPort(part) else {
                throw bad("host:port, or several with commas between them")
            }
            brokers.append(BrokerAddress(place))
        }
        guard !brokers.isEmpty else { throw bad("host:port, or several with commas between them") }
        return brokers
    }
}
