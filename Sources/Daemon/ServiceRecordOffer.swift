import Bluetooth

/// The service record that bluetoothd has from us: always of the transports that are listened on, since the channel or PSM of another one
/// may be another program's.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class ServiceRecordOffer: @unchecked Sendable {
    private let background: BackgroundWork
    /// Registers a record wherever possible, and returns what withdraws it, which may wait.
    private let register: (ServiceRecord) -> @Sendable () -> Void
    private var wanted: ServiceRecord?
    private var offered: ServiceRecord?
    /// Withdraws what is offered. It may wait, so it is called on another thread.
    private(set) var withdraw: (@Sendable () -> Void)?
    private var isWithdrawing = false

    init(background: BackgroundWork, register: @escaping (ServiceRecord) -> @Sendable () -> Void) {
        (self.background, self.register) = (background, register)
    }

    /// Offers this record, and no other.
    /// - Parameter record: nil: none.
    func offer(_ record: ServiceRecord?) {
        wanted = record
        guard !isWithdrawing, wanted != offered else { return }
        guard let withdraw else { return begin() }
        (isWithdrawing, self.withdraw, offered) = (true, nil, nil)
        background.run("service-record", withdraw) { [weak self] in
            self?.isWithdrawing = false
            self?.begin()
        }
    }

    private func begin() {
        offered = wanted
        withdraw = wanted.map(register)
    }
}
