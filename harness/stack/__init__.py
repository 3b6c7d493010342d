"""What runs where: the engine, the images, the network and the parts of the stack."""
