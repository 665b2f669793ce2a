"""What the device says of a broker that takes it back and does not serve it."""

import unittest
from unittest import mock

from srup_device import broker


class Granted(unittest.TestCase):
    def setUp(self):
        self.said = []
        with mock.patch.object(broker, "_context", return_value=None):
            self.broker = broker.Broker(0xDE01, "localhost", 8883, "ca", "certificate", "key", say=self.said.append)

    def test_a_refusal_at_the_start_is_a_fault(self):
        self.broker._granted(None, None, 1, [128])
        self.assertIn("grants [128] for SRUP/de01", self.broker._fault)
        self.assertTrue(self.broker._subscribed.is_set())

    def test_a_refusal_after_a_reconnection_is_said(self):
        self.broker._granted(None, None, 1, [1])
        self.broker._connected(mock.Mock(), None, None, 5)
        self.broker._granted(None, None, 2, [128])
        self.assertEqual(
            self.said,
            [
                "the broker localhost:8883 does not serve this device: it refuses the connection: 5",
                "the broker localhost:8883 does not serve this device: it grants [128] for SRUP/de01, wanted QoS 1",
            ],
        )
        self.broker._granted(None, None, 3, [1])
        self.assertEqual(self.said[-1], "connected to the broker again")


if __name__ == "__main__":
    unittest.main()
