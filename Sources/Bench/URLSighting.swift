import Bluetooth
import Nearby

/// A URL that was received over Bluetooth LE (Eddystone-URL): perhaps a registration service's. None of this is proven.
public struct URLSighting: Equatable, Sendable {
    /// The URL.
    public var url: EddystoneURL
    /// The sender's address, which changes if it is a random one.
    public var address: RadioAddress
    /// Its signal strength in dBm; nil if the adapter does not report it.
    public var signal: Int8?
    /// This machine's adapter that received it.
    public var adapter: BluetoothAddress

    /// One line for people.
    public var text: String {
        "\(url.text)  \(address)  \(signal.map { "\($0) dBm" } ?? "signal unknown")  Eddystone-URL  heard by \(adapter)"
    }

    /// One JSON object. Its strings need no escaping: `EddystoneURL` takes neither quotes nor backslashes.
    public var json: String {
        "{\"url\":\"\(url.text)\",\"address\":\"\(address.address)\",\"kind\":\"\(address.kind.rawValue)\","
            + "\"signal_dbm\":\(signal.map { "\($0)" } ?? "null"),\"adapter\":\"\(adapter)\"}"
    }

    /// Whether its signal is weaker than another's; an unknown signal is the weakest.
    func isWeaker(than other: URLSighting) -> Bool {
        (signal ?? .min, address.address.description) < (other.signal ?? .min, other.address.address.description)
    }
}
