import BootTime
import Enrolling
import Fetching
import Files
import Keys
import OperatorText

// The registration service's part.
extension Stage {
    /// Runs the device's enrolment, to its end.
    /// - Parameter isWelcome: whether its token is valid.
    func enrol(_ isWelcome: Bool) throws {
        guard let service = setting.service else { return }
        prepareVariables()
        variables["PROVE_REGISTRY"] = service.url
        variables["PROVE_REGISTRY_CA"] = service.authority
        variables["PROVE_TOKEN"] = isWelcome ? service.token : try wrongToken()
        let enrolment = DeviceProcess(service.command, variables)
        device = enrolment
        let wanted = "the enrolment ends with exit status \(isWelcome ? "0" : "1 or more: its token is not valid")"
        guard try wait(.seconds(90), { enrolment.result }) != nil else {
            throw CaseResult.Fault(expected: wanted, seen: "it goes on for more than 90 s")
        }
        guard let status = enrolment.exitStatus, (status == 0) == isWelcome else {
            throw CaseResult.Fault(expected: wanted, seen: enrolment.ending)
        }
        guard isWelcome else { return }
        key = try registeredKey(at: service)
        // What it has left behind must not stay beside the device.
        enrolment.stop()
        try start()
    }

    private func wrongToken() throws -> String {
        let path = setting.folder + "/wrong.token"
        guard (try? File.replace(path, with: Array("enrol-0000\n".utf8), mode: 0o600)) != nil else {
            throw OperatorFault("\(path) cannot be written", hint: "check the free space of the temporary folder")
        }
        return path
    }

    /// The device's key, as the service gives it to servers.
    private func registeredKey(at service: Setting.Service) throws -> PublicKey {
        let expected = "the registration service knows the device's key"
        do {
            let address = try WebAddress(service.url)
            var client = try RegistrationOptions().client(for: address, authorityFile: service.authority)
            client.bearer = service.readerToken
            guard let key = try Registry(client, at: address).key(of: setting.device.topicForm) else {
                throw CaseResult.Fault(expected: expected, seen: "it knows no device of this identity")
            }
            return key
        } catch let fault as any OperatorError {
            throw CaseResult.Fault(expected: expected, seen: "it cannot be asked: \(fault.message)")
        }
    }
}
