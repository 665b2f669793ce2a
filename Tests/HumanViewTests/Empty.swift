import HumanView
