import ProofLink

extension Announcement {
    // Types of an advertisement's parts (Bluetooth, Assigned Numbers, §2.3).
    private static let (allServices, serviceData) = (UInt8(0x07), UInt8(0x21))
    /// The most that an advertisement holds, and a scan response.
    static let maximumAdvertisement = 31

    /// The advertisement: the service's UUID. The kernel adds the flags.
    public var advertisement: [UInt8] { [17, Announcement.allServices] + Announcement.service.reversed() }

    /// The scan response: the service data. Both together would be too long for one packet.
    public var scanResponse: [UInt8] {
        let data = Announcement.service.reversed() + encoded
        return [UInt8(1 + data.count), Announcement.serviceData] + data
    }

    /// From the advertisement and the scan response of a device, concatenated; nil if it is not a beacon of this service.
    public init?(heard data: [UInt8]) {
        guard let part = advertisedPart(Announcement.serviceData, Announcement.service.reversed(), in: data) else {
            return nil
        }
        self.init(serviceData: part)
    }
}
