import ProofLink

extension Announcement {
    // Types of an advertisement's parts (Bluetooth, Assigned Numbers, §2.3).
    private static let (allServices, serviceData, manufacturerData) = (UInt8(0x07), UInt8(0x21), UInt8(0xFF))
    /// The company number of those who have none.
    private static let noCompany: [UInt8] = [0xFF, 0xFF]
    /// The most that an advertisement holds, and a scan response.
    static let maximumAdvertisement = 31

    /// The advertisement: the service's UUID, and how many neighbours are heard, if it tells. The kernel adds the flags, 3 bytes of the 31.
    public var advertisement: [UInt8] {
        let hearing = hearing.map { [Announcement.manufacturerData] + Announcement.noCompany + $0.encoded } ?? []
        return [17, Announcement.allServices] + Announcement.service.reversed()
            + (hearing.isEmpty ? [] : [UInt8(hearing.count)] + hearing)
    }

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
        hearing = advertisedPart(Announcement.manufacturerData, Announcement.noCompany, in: data)
            .flatMap { Hearing(encoded: $0) }
    }
}
