import Bluetooth
import Broker
import HumanView
import Logging
import Nearby
import ProofLink
import SRUP

/// A value that can be written as a configuration file has it: equal values have one text, and reading it gives the value again.
protocol SettingText {
    // The text behind `key = `.
    var settingText: String { get }
}

extension SettingText where Self: RawRepresentable, RawValue == String {
    var settingText: String { rawValue }
}

extension Configuration.Server.Joining: SettingText {}
extension Configuration.Radio.Advertising: SettingText {}
extension LinkSecurity: SettingText {}
extension HumanView: SettingText {}
extension BrokerLink.Settings.Order: SettingText {}
extension BrokerPolicy.Sessions: SettingText {}
extension Logger.Level: SettingText {}
extension LineLog.Format: SettingText {}

extension Optional: SettingText where Wrapped: SettingText {
    var settingText: String { self?.settingText ?? "off" }
}

extension String: SettingText {
    var settingText: String { self }
}

extension Bool: SettingText {
    var settingText: String { self ? "yes" : "no" }
}

extension Int: SettingText {
    var settingText: String { String(self) }
}

extension Int64: SettingText {
    var settingText: String { String(self) }
}

extension Int8: SettingText {
    var settingText: String { String(self) }
}

extension UInt8: SettingText {
    var settingText: String { String(self) }
}

/// A PSM.
extension UInt16: SettingText {
    var settingText: String {
        let digits = String(self, radix: 16, uppercase: true)
        return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}

extension Duration: SettingText {
    /// Seconds, decimals only where there are some.
    var settingText: String {
        let seconds = inSeconds
        return seconds == seconds.rounded() ? String(Int64(seconds)) : String(seconds)
    }
}

extension Identifier: SettingText {
    var settingText: String { topicForm }
}

extension EddystoneURL: SettingText {
    var settingText: String { text }
}

extension BrokerAddress: SettingText {
    var settingText: String { description }
}

extension Array: SettingText where Element: SettingText {
    // An empty list is what `off` reads: an empty value is refused.
    var settingText: String { isEmpty ? "off" : map(\.settingText).joined(separator: ", ") }
}

extension NearbyAddress: SettingText {
    var settingText: String { optionForm }
}
